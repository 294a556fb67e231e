"""What crosses the freeze line, computed once for each image and view instead of in every epoch.

Rows are bf16: under bf16 training they are what the frozen part gives anyway, to the bit; under fp32 each
value is off by at most 1 in 256. A row depends on the image's bytes, the view, and what the store's key names,
never on the batch or the epoch it was asked for in: whatever is missing from the store, or the whole store, is
computed anew to the same bits.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from finetune.cache.digests import as_number, content_digests, with_view
from finetune.cache.store import Store
from finetune.data.loading import TrainingDataset
from finetune.data.transforms import MOST_EPOCHS, TrainingTransform
from finetune.model.halves import Halves
from finetune.model.precision import Concrete, autocast

CHUNK = 16
"""Images the frozen part runs over at once, never fewer: kernels chosen for another number round otherwise."""
MOST_THREADS = 8
VERSIONS = ("torch", "torchvision", "timm", "pillow")

Batches = DataLoader[tuple[Tensor, int]]
Key = tuple[int, int]


@dataclass(frozen=True)
class Boundary:
    """The frozen part of a network and the store of what it gave.

    ``views`` are kept of each augmented image; ``precision`` is what the frozen part computes in. ``warn`` gets
    a sentence when the store cannot be used: then everything is computed each time, to the same result.
    """

    halves: Halves
    precision: Concrete
    views: int = 1
    warn: Callable[[str], None] = field(default=lambda _sentence: None)

    def across(self, loader: Batches) -> Batches:
        """Return the batches of ``loader``, in its order, with activations in bf16 in place of the images."""
        dataset = loader.dataset
        assert isinstance(dataset, TrainingDataset)
        return DataLoader(
            BoundaryDataset(self, dataset),
            sampler=loader.sampler,
            batch_size=loader.batch_size,
            drop_last=loader.drop_last,
            collate_fn=loader.collate_fn,
            pin_memory=loader.pin_memory,
        )

    def open_store(self, transform: TrainingTransform) -> Store:
        """Return the store of the images' activations under ``transform``."""
        shape = self.run([np.zeros((transform.preprocessing.image_size,) * 2 + (3,), np.uint8)], transform)
        return Store.open(self._key(transform), shape=shape.shape[1:], dtype=np.int16, warn=self.warn)

    def run(self, crops: Sequence[NDArray[np.uint8]], transform: TrainingTransform) -> NDArray[np.int16]:
        """Return the bits of what the frozen part gives for up to `CHUNK` ``crops`` (side x side x 3)."""
        filled = [*crops, *[crops[-1]] * (CHUNK - len(crops))]
        images = transform.preprocessing.normalise_batch(np.stack(filled))
        device = next(self.halves.model.parameters()).device
        with autocast(self.precision, device):
            activations = self.halves.lower(images.to(device))
        rows = activations[: len(crops)].to(torch.bfloat16).cpu().contiguous()
        bits: NDArray[np.int16] = rows.view(torch.int16).numpy()
        return bits

    def _key(self, transform: TrainingTransform) -> dict[str, Any]:
        weight = next(self.halves.model.parameters())
        return {
            "what": "activations at the freeze line",
            "cut": self.halves.cut,
            "network": f"{type(self.halves.model).__name__} {_fingerprint(self.halves)}",
            "preprocessing": transform.preprocessing.to_json(),
            "transform": transform.key,
            "precision": self.precision,
            "device": weight.device.type,
            "versions": {name: version(name) for name in VERSIONS},
        }


class BoundaryDataset(Dataset[tuple[Tensor, int]]):
    """Activations and targets of the images of ``images``; asked for by (epoch, index) in whole batches.

    Epoch e sees view e mod views of an image; a sampler's second draw in an epoch sees the next one.
    """

    def __init__(self, boundary: Boundary, images: TrainingDataset) -> None:
        self._boundary = boundary
        self._images = images
        self._digests = content_digests(images.paths)
        self._store = boundary.open_store(images.transform)
        self._is_augmented = images.transform.is_augmented

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, key: Key) -> tuple[Tensor, int]:
        rows, targets = self.__getitems__([key])
        return rows[0], int(targets[0])

    def __getitems__(self, keys: Sequence[Key]) -> tuple[Tensor, Tensor]:
        """Return B x the shape at the freeze line, bf16, and B targets."""
        wanted = [(index, self._view(epoch)) for epoch, index in keys]
        names = [self.name(index, view) for index, view in wanted]
        rows, present = self._store.rows(names)
        missing = {names[rank]: rank for rank in np.flatnonzero(~present)}
        if missing:
            computed = self.compute([wanted[rank] for rank in missing.values()])
            self._store.append(list(missing), computed)
            place = {name: rank for rank, name in enumerate(missing)}
            for rank in np.flatnonzero(~present):
                rows[rank] = computed[place[names[rank]]]
        targets = torch.tensor([self._images.targets[index] for _, index in keys])
        return torch.from_numpy(rows).view(torch.bfloat16), targets

    def n_missing(self) -> int:
        """Return how many images have no row yet for the first epoch."""
        names = {self.name(index, self._view(0)) for index in range(len(self))}
        return sum(name not in self._store for name in names)

    @property
    def store(self) -> Store:
        """Return where the rows are kept."""
        return self._store

    def _view(self, epoch: int) -> int:
        draw, epoch = divmod(epoch, MOST_EPOCHS)
        return (epoch + draw) % self._boundary.views if self._is_augmented else 0

    def name(self, index: int, view: int) -> bytes:
        """Return the digest under which a view of image ``index`` is kept."""
        return with_view(self._digests[index], view) if self._is_augmented else self._digests[index]

    def compute(self, wanted: Sequence[tuple[int, int]]) -> NDArray[np.int16]:
        """Return the rows of (index, view) pairs; images are decoded side by side."""

        def crop(pair: tuple[int, int]) -> NDArray[np.uint8]:
            index, view = pair
            # By content, not by place: more images in the set must not change this one's views.
            return self._images.crop(index, epoch=view, number=as_number(self._digests[index]))

        with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
            crops = list(pool.map(crop, wanted))
        chunks = [crops[first : first + CHUNK] for first in range(0, len(crops), CHUNK)]
        return np.concatenate([self._boundary.run(chunk, self._images.transform) for chunk in chunks])


def missing_rows(loader: Batches) -> int:
    """Return how many rows the first epoch of a loader from `Boundary.across` has to compute."""
    assert isinstance(loader.dataset, BoundaryDataset)
    return loader.dataset.n_missing()


def kept_rows(loader: Batches) -> int:
    """Return how many rows are kept in the store of a loader from `Boundary.across`."""
    assert isinstance(loader.dataset, BoundaryDataset)
    return len(loader.dataset.store)


def _fingerprint(halves: Halves) -> str:
    """Return the hash of the frozen layers: how they are built, and every tensor in them."""
    digest = hashlib.blake2b(digest_size=16)
    for module in halves.below:
        digest.update(repr(module).encode())
    for name, tensor in halves.state_below().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
