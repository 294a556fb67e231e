"""Decode each image once for several networks, which want it in other sizes, crops or channel statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from finetune.data.images import load_rgb
from finetune.data.loading import MEASURING_BATCH, ordered_loader
from finetune.data.transforms import Preprocessing

Cut = tuple[int, str, float]
"""What of a preprocessing decides on the pixels: side, interpolation and crop. Mean and std come after."""


@dataclass(frozen=True, eq=False)
class DecodedImages:
    """n images as bytes, n x side x side x 3 for each cut: 25 MB a cut for 512 images of 128 px."""

    pixels: Mapping[Cut, NDArray[np.uint8]]

    def batches(self, preprocessing: Preprocessing, *, batch_size: int) -> Iterator[Tensor]:
        """Yield the images as ``preprocessing`` makes them, B x 3 x side x side float32, in their order.

        It must be one of those that were decoded for, else KeyError.
        """
        pixels = self.pixels[_cut_of(preprocessing)]
        for start in range(0, len(pixels), batch_size):
            yield preprocessing.normalise_batch(pixels[start : start + batch_size])


def decode_once(
    paths: Sequence[Path],
    ways: Iterable[Preprocessing],
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> DecodedImages:
    """Decode ``paths`` for all of ``ways``, each cut made once; the tensors are those of `loading.MeasuringDataset`.

    ``progress`` is called with the number of images decoded in each batch. Raises ImageError for a file that cannot
    be read.
    """
    by_cut = {_cut_of(way): way for way in ways}
    pixels = {
        cut: np.empty((len(paths), way.image_size, way.image_size, 3), np.uint8)
        for cut, way in by_cut.items()
    }
    loader = ordered_loader(_Cuts(paths, tuple(by_cut.values())), len(paths), workers=workers)
    for number, batch in enumerate(loader):
        start = number * MEASURING_BATCH
        for cut, images in zip(by_cut, batch, strict=True):
            pixels[cut][start : start + len(images)] = images.numpy()
        if progress is not None:
            progress(len(batch[0]))
    return DecodedImages(pixels)


def _cut_of(preprocessing: Preprocessing) -> Cut:
    return preprocessing.image_size, preprocessing.interpolation, preprocessing.crop


class _Cuts(Dataset[list[Tensor]]):
    """Item i is image i once for each way, side x side x 3 uint8."""

    def __init__(self, paths: Sequence[Path], ways: Sequence[Preprocessing]) -> None:
        self._paths = paths
        self._ways = ways

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> list[Tensor]:
        decoded = load_rgb(self._paths[index])
        return [torch.from_numpy(np.array(way.resize_and_crop(decoded))) for way in self._ways]
