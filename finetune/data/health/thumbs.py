"""The grey thumbnails that likely duplicates are compared by: of the index, or else of the files anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finetune.data.health.index import ImageIndex
from finetune.data.health.look import THUMB_PX, look_at
from finetune.data.images import examine
from finetune.data.sources import LabelledImage
from finetune.errors import ImageError


class Thumbs:
    """Thumbnails of ``images``, fetched when they are asked for and then kept: 256 bytes an image."""

    def __init__(self, images: Sequence[LabelledImage], index: ImageIndex) -> None:
        self._paths = [str(image.path) for image in images]
        self._index = index
        self._values = np.zeros((len(images), THUMB_PX, THUMB_PX), np.uint8)
        self._is_there = np.zeros(len(images), bool)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Return m x side x side grey values of m ``rows``; zeros for a file that can no longer be read."""
        missing = np.unique(rows[~self._is_there[rows]])
        if len(missing):
            self._fetch(missing)
        found: np.ndarray = self._values[rows]
        return found

    def _fetch(self, rows: np.ndarray) -> None:
        known = self._index.thumbs([self._paths[row] for row in rows])
        for row in rows:
            content = known.get(self._paths[row]) or _thumb(Path(self._paths[row]))
            if content is not None:
                self._values[row] = np.frombuffer(content, np.uint8).reshape(THUMB_PX, THUMB_PX)
        self._is_there[rows] = True


def _thumb(path: Path) -> bytes | None:
    """Look at the file again: an index that failed meanwhile, or that is full, has lost it."""
    try:
        return examine(path, look_at)[1][1]
    except ImageError:
        return None
