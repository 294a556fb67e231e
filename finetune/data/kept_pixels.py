"""Decoded images that the epochs after the first need not decode again.

The pixels lie in one temporary file without a name, which vanishes with the processes that hold it: the
system keeps in memory what fits there and the rest on disk. Loader processes that are forked share it without
locks, for all of them would write the same bytes to the same place.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finetune.data.images import open_image
from finetune.data.transforms import LONGEST_ASPECT

SHARE_OF_FREE_DISK = 0.5


class KeptPixels:
    """Room for one H x W x 3 uint8 image under each index; ``most_pixels`` says how large each may be.

    Images that would take more than half of the free disk, and all of them where the system cannot share a
    file between processes, are simply not kept.
    """

    def __init__(self, most_pixels: Sequence[int]) -> None:
        sizes = 3 * np.asarray(most_pixels, dtype=np.int64)
        self._ends = np.cumsum(sizes)
        self._room = _room()
        self._shapes: NDArray[np.int64] = np.frombuffer(mmap.mmap(-1, max(1, len(sizes)) * 8), dtype=np.int64)
        self._file: Any = tempfile.TemporaryFile() if hasattr(os, "pread") else None  # noqa: SIM115
        if self._file is not None:
            weakref.finalize(self, self._file.close)

    def get(self, index: int) -> NDArray[np.uint8] | None:
        """Return the image under ``index``, H x W x 3, or None where none was kept."""
        shape = int(self._shapes[index])
        if shape == 0 or self._file is None:
            return None
        height, width = shape >> 32, shape & 0xFFFFFFFF
        size = 3 * height * width
        pixels = os.pread(self._file.fileno(), size, self._start(index))
        if len(pixels) != size:
            return None
        return np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3)

    def put(self, index: int, image: Image.Image) -> None:
        """Keep an RGB ``image`` under ``index`` if there is room."""
        size = 3 * image.width * image.height
        fits = self._start(index) + size <= self._ends[index] <= self._room
        if not fits or self._file is None:
            return
        try:
            written = os.pwrite(self._file.fileno(), image.tobytes(), self._start(index))
        except OSError:
            self._room = 0  # the disk is full: decoding goes on as if nothing had been asked
            return
        if written == size:
            self._shapes[index] = (image.height << 32) | image.width

    def __getstate__(self) -> dict[str, Any]:
        """Leave the file behind: a process that is not forked begins without it."""
        return {**self.__dict__, "_file": None, "_shapes": np.zeros_like(self._shapes)}

    def _start(self, index: int) -> int:
        return int(self._ends[index - 1]) if index else 0


def shrunk_pixels(path: Path, enough_px: int) -> int:
    """Return the most pixels that the image has once its shorter side is at most ``enough_px``.

    Only the file's head is read; 0 where that fails, for then decoding will say what is wrong.
    """
    with contextlib.suppress(Exception), path.open("rb") as file, open_image(file) as image:
        short, long = sorted(image.size)
        shrunk = min(short, enough_px)
        # A draft may be one pixel longer than its share, and rounding may add another.
        return shrunk * min(LONGEST_ASPECT * shrunk, math.ceil(long * shrunk / short) + 2)
    return 0


def _room() -> int:
    """Return how many bytes may be kept in the folder for temporary files."""
    with contextlib.suppress(OSError):
        return int(SHARE_OF_FREE_DISK * shutil.disk_usage(tempfile.gettempdir()).free)
    return 0
