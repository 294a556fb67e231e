"""Batches of images for training and for measuring, decoded in parallel and in a repeatable order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from finetune.data.images import load_rgb
from finetune.data.kept_pixels import KeptPixels, shrunk_pixels
from finetune.data.transforms import MOST_EPOCHS, Preprocessing, TrainingTransform
from finetune.errors import ImageError

# Below this many images, starting loader processes costs more time than it saves.
FEW_IMAGES = 64
# Larger batches are no faster on a processor, and make the kernel hand out more fresh memory.
MEASURING_BATCH = 16

Item = TypeVar("Item")


class Loader(DataLoader[Item]):
    """A loader that raises the ImageError of an image in one sentence, also from a loader process.

    torch puts the stack trace of that process around it.
    """

    def __iter__(self) -> Iterator[Item]:  # type: ignore[override]
        """Yield the batches; raises ImageError."""
        batches = super().__iter__()
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except ImageError as error:
                raise ImageError(str(error).rpartition(f"{ImageError.__name__}: ")[2].strip()) from None
            yield batch


class MeasuringDataset(Dataset[Tensor]):
    """Images through the one path of validation and prediction; item i is 3 x side x side, float32."""

    def __init__(self, paths: Sequence[Path], preprocessing: Preprocessing) -> None:
        self._paths = paths
        self._preprocessing = preprocessing

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Tensor:
        return self._preprocessing(load_rgb(self._paths[index]))


class TrainingDataset(Dataset[tuple[Tensor, int]]):
    """Labelled images through the training path; items are asked for by (epoch, index).

    With ``kept``, an image is decoded once and taken from there in later epochs, to the same bits.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        targets: Sequence[int],
        transform: TrainingTransform,
        kept: KeptPixels | None = None,
    ) -> None:
        self.paths = paths
        self.targets = targets
        self.transform = transform
        self._kept = kept

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        images, targets = self.__getitems__([key])
        return images[0], int(targets[0])

    def __getitems__(self, keys: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        """Return a batch: B x 3 x side x side float32 in channels-last order, and B targets.

        All ``keys`` are of one epoch, whose side the images have.
        """
        side = self.transform.side(keys[0][0])
        pixels: NDArray[np.uint8] = np.empty((len(keys), side, side, 3), np.uint8)
        for rank, (epoch, index) in enumerate(keys):
            pixels[rank] = self.crop(index, epoch=epoch, number=index)
        targets = torch.tensor([self.targets[index] for _, index in keys])
        return self.transform.preprocessing.normalise_batch(pixels), targets

    def crop(self, index: int, *, epoch: int, number: int) -> NDArray[np.uint8]:
        """Return image ``index``, side x side x 3, augmented as (``epoch``, ``number``) draws it."""
        return np.asarray(self.transform.crop(self._shrunk(index), epoch=epoch, index=number))

    def _shrunk(self, index: int) -> Image.Image:
        pixels = None if self._kept is None else self._kept.get(index)
        if pixels is not None:
            return Image.fromarray(pixels)
        decoded = load_rgb(self.paths[index], enough_px=self.transform.enough_px)
        shrunk = self.transform.shrink(decoded)
        if self._kept is not None:
            self._kept.put(index, shrunk)
        return shrunk


class EpochSampler(Sampler[tuple[int, int]]):
    """Yield (epoch, index) in an order drawn from (seed, epoch) alone.

    Lightning calls `set_epoch` before each epoch, so a resumed run sees the order it would have seen.
    """

    def __init__(self, n_images: int, seed: int) -> None:
        self._n_images = n_images
        self._seed = seed
        self._epoch = 0

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, that the next iteration shuffles for."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._n_images

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for index in torch.randperm(self._n_images, generator=self._generator()).tolist():
            yield self._epoch, index


class BalancedSampler(EpochSampler):
    """Yield as many (epoch, index) as there are images, each class equally often on average.

    Drawn with replacement, an image of a class of n with probability proportional to 1 / n. An image's second
    and later draws in an epoch come with an epoch of their own, ``epoch + MOST_EPOCHS * n``: augmented anew.
    """

    def __init__(self, targets: Sequence[int], seed: int) -> None:
        super().__init__(len(targets), seed)
        classes = torch.tensor(targets)
        self._weights = 1 / torch.bincount(classes).double()[classes]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        drawn = torch.multinomial(
            self._weights, self._n_images, replacement=True, generator=self._generator()
        )
        times: Counter[int] = Counter()
        for index in drawn.tolist():
            yield self._epoch + MOST_EPOCHS * times[index], index
            times[index] += 1


def measuring_loader(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    *,
    batch_size: int = MEASURING_BATCH,
    workers: int | None = None,
) -> DataLoader[Tensor]:
    """Return batches, B x 3 x side x side, of ``paths`` in their order."""
    return Loader(
        MeasuringDataset(paths, preprocessing), batch_size=batch_size, **_processes(workers, len(paths))
    )


def ordered_loader(
    images: Dataset[Item], n_images: int, *, batch_size: int = MEASURING_BATCH, workers: int | None = None
) -> DataLoader[Item]:
    """Return batches of ``images``, ``n_images`` of them, in their order; tensors are stacked, B x their shape."""
    return Loader(images, batch_size=batch_size, **_processes(workers, n_images))


def labelled_loader(
    paths: Sequence[Path],
    targets: Sequence[int],
    preprocessing: Preprocessing,
    *,
    batch_size: int = MEASURING_BATCH,
    workers: int | None = None,
    keep: bool = False,
) -> DataLoader[tuple[Tensor, int]]:
    """Return (images, targets) batches through the measuring path, in order.

    ``keep`` spares decoding an image a second time when the batches are gone through again.
    """
    transform = TrainingTransform(preprocessing, "none", seed=0)
    return Loader(
        TrainingDataset(paths, targets, transform, _room_for(paths, transform) if keep else None),
        sampler=[(0, index) for index in range(len(paths))],
        batch_size=batch_size,
        collate_fn=_whole,
        **_processes(workers, len(paths)),
    )


def training_loader(
    paths: Sequence[Path],
    targets: Sequence[int],
    transform: TrainingTransform,
    *,
    batch_size: int,
    workers: int | None = None,
    balanced: bool = False,
    keep: bool = False,
) -> DataLoader[tuple[Tensor, int]]:
    """Return shuffled, augmented (images, targets) batches; ``balanced`` evens the classes out.

    ``keep`` spares decoding an image a second time, and changes nothing else.
    A last batch of a single image is left out when there are others: batch norm cannot train on it.
    """
    seed = transform.seed
    return Loader(
        TrainingDataset(paths, targets, transform, _room_for(paths, transform) if keep else None),
        sampler=BalancedSampler(targets, seed) if balanced else EpochSampler(len(paths), seed),
        batch_size=batch_size,
        drop_last=len(paths) > batch_size and len(paths) % batch_size == 1,
        collate_fn=_whole,
        **_processes(workers, len(paths)),
    )


def _whole(batch: Any) -> Any:
    """The data set gives whole batches: nothing is left to put together."""
    return batch


def _room_for(paths: Sequence[Path], transform: TrainingTransform) -> KeptPixels:
    """Return room for the shrunk image of each of ``paths``."""
    if transform.enough_px is None:
        return KeptPixels([transform.preprocessing.image_size**2] * len(paths))
    return KeptPixels([shrunk_pixels(path, transform.enough_px) for path in paths])


def _processes(workers: int | None, n_images: int) -> dict[str, Any]:
    """Return the loader processes to use: as many as asked, else up to four (with a GPU eight) of the processors.

    Two cores without a GPU are busy with the network alone: loading beside it made a whole run 10 % slower. For
    a GPU, batches come in pinned memory, from which they are copied while it computes.
    """
    on_gpu = torch.cuda.is_available()
    if workers is None:
        cores = os.cpu_count() or 1
        crowded = cores <= 2 and not on_gpu
        workers = 0 if crowded or n_images < FEW_IMAGES else min(8 if on_gpu else 4, cores)
    return {"num_workers": workers, "persistent_workers": workers > 0, "pin_memory": on_gpu}
