"""Batches of images for training and for measuring, decoded in parallel and in a repeatable order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from finetune.data.images import load_rgb
from finetune.data.transforms import Preprocessing, TrainingTransform

# Below this many images, starting loader processes costs more time than it saves.
FEW_IMAGES = 64
# Larger batches are no faster on a processor, and make the kernel hand out more fresh memory.
MEASURING_BATCH = 16


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
    """Labelled images through the training path; items are asked for by (epoch, index)."""

    def __init__(self, paths: Sequence[Path], targets: Sequence[int], transform: TrainingTransform) -> None:
        self._paths = paths
        self._targets = targets
        self._transform = transform

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, int]:
        epoch, index = key
        return self._transform(load_rgb(self._paths[index]), epoch=epoch, index=index), self._targets[index]


class EpochSampler(Sampler[tuple[int, int]]):
    """Yield (epoch, index) in an order drawn from (seed, epoch) alone.

    Lightning calls `set_epoch` before each epoch, so a resumed run sees the order it would have seen.
    """

    def __init__(self, n_images: int, seed: int) -> None:
        self._n_images = n_images
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, from 0, that the next iteration shuffles for."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._n_images

    def __iter__(self) -> Iterator[tuple[int, int]]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        for index in torch.randperm(self._n_images, generator=generator).tolist():
            yield self._epoch, index


def measuring_loader(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    *,
    batch_size: int = MEASURING_BATCH,
    workers: int | None = None,
) -> DataLoader[Tensor]:
    """Return batches, B x 3 x side x side, of ``paths`` in their order."""
    return DataLoader(
        MeasuringDataset(paths, preprocessing), batch_size=batch_size, **_processes(workers, len(paths))
    )


def ordered_loader(
    images: Dataset[Tensor], n_images: int, *, batch_size: int = MEASURING_BATCH, workers: int | None = None
) -> DataLoader[Tensor]:
    """Return batches, B x 3 x side x side, of ``images``, ``n_images`` of them, in their order."""
    return DataLoader(images, batch_size=batch_size, **_processes(workers, n_images))


def labelled_loader(
    paths: Sequence[Path],
    targets: Sequence[int],
    preprocessing: Preprocessing,
    *,
    batch_size: int = MEASURING_BATCH,
    workers: int | None = None,
) -> DataLoader[tuple[Tensor, int]]:
    """Return (images, targets) batches through the measuring path, in order."""
    transform = TrainingTransform(preprocessing, "none", seed=0)
    dataset = TrainingDataset(paths, targets, transform)
    order = [(0, index) for index in range(len(paths))]
    return DataLoader(dataset, sampler=order, batch_size=batch_size, **_processes(workers, len(paths)))


def training_loader(
    paths: Sequence[Path],
    targets: Sequence[int],
    transform: TrainingTransform,
    *,
    batch_size: int,
    workers: int | None = None,
) -> DataLoader[tuple[Tensor, int]]:
    """Return shuffled, augmented (images, targets) batches.

    A last batch of a single image is left out when there are others: batch norm cannot train on it.
    """
    return DataLoader(
        TrainingDataset(paths, targets, transform),
        sampler=EpochSampler(len(paths), transform.seed),
        batch_size=batch_size,
        drop_last=len(paths) > batch_size and len(paths) % batch_size == 1,
        **_processes(workers, len(paths)),
    )


def _processes(workers: int | None, n_images: int) -> dict[str, Any]:
    """Return the loader processes to use: as many as asked, else up to four of the processors at hand.

    Two cores without a GPU are busy with the network alone: loading beside it made a whole run 10 % slower.
    """
    if workers is None:
        cores = os.cpu_count() or 1
        crowded = cores <= 2 and not torch.cuda.is_available()
        workers = 0 if crowded or n_images < FEW_IMAGES else min(4, cores)
    return {"num_workers": workers, "persistent_workers": workers > 0}
