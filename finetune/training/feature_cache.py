"""Features of the frozen layers, each image and view once: from the cache, or computed and kept there.

A row depends on the image's bytes, the view and what the key names, not on the images beside it, so that what
is computed anew has the bits of what was kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from finetune.cache.digests import as_number, content_digests, with_view
from finetune.cache.store import Store
from finetune.data.images import load_rgb
from finetune.data.loading import ordered_loader
from finetune.data.transforms import TrainingTransform
from finetune.evaluation.report import versions
from finetune.model.device import best_device
from finetune.model.features import FloatArray, extract_features
from finetune.model.inference import state_digest
from finetune.model.layers import classifier_name
from finetune.model.precision import Concrete
from finetune.progress import Advance, Reporter
from finetune.training.estimate import describe_minutes
from finetune.training.learner import Learner

BATCH_SIZE = 16
"""Always filled up: for another number of images the kernels may add in another order."""

CHUNK = 512
"""Images computed between two writes to the cache: about what a killed run has to compute again."""

WARM_UP_BATCHES = 1
DECIDING = ("torch", "torchvision", "timm", "pillow")


class Wanted(NamedTuple):
    """One row: its name in the store, the image, and which view of it (0 where there is but one)."""

    name: bytes
    path: Path
    digest: bytes
    view: int


@dataclass(frozen=True)
class Frozen:
    """The frozen network, the path that images take to it, and the precision it computes in."""

    learner: Learner
    transform: TrainingTransform
    precision: Concrete
    use_cache: bool
    workers: int | None
    max_minutes: float | None
    reporter: Reporter

    def features(self, paths: Sequence[Path], *, views: int) -> FloatArray:
        """Return (views · n) x d float32: the n images of ``paths`` in their order, then their next view.

        Raises ImageError for an image that cannot be read.
        """
        wanted = _wanted(paths, views, is_augmented=self.transform.is_augmented)
        names = [row.name for row in wanted]
        store = self._open_store() if self.use_cache else None
        if store is None:
            rows, present = np.zeros((len(names), self._width()), np.float32), np.zeros(len(names), bool)
        else:
            rows, present = store.rows(names)
            store.note_hits(int(present.sum()))
        missing = {row.name: row for row, is_there in zip(wanted, present, strict=True) if not is_there}
        computed = self._compute(_image_by_image(missing.values()), store)
        for rank in np.flatnonzero(~present):
            rows[rank] = computed[names[rank]]
        if store is not None:
            self.reporter.say(f"features: {len(missing):,} computed, {int(present.sum()):,} from the cache")
        return rows

    def keep(self, paths: Sequence[Path], rows: FloatArray) -> None:
        """Keep ``rows``, n x d, for the n images of ``paths`` as they are, computed on the way to something else."""
        if self.use_cache:
            wanted = _wanted(paths, 1, is_augmented=False)
            _keep(self._open_store(), wanted, np.ascontiguousarray(rows))

    def _compute(self, wanted: Sequence[Wanted], store: Store | None) -> dict[bytes, FloatArray]:
        """Return the rows of ``wanted``, and keep them as they come."""
        computed: dict[bytes, FloatArray] = {}
        if not wanted:
            return computed
        with self.reporter.track("computing features") as advance:
            count = _Count(len(wanted), advance, self.reporter, self.max_minutes)
            for start in range(0, len(wanted), CHUNK):
                part = wanted[start : start + CHUNK]
                rows = self._run(_Images(part, self.transform), len(part), count)
                computed |= {row.name: rows[rank] for rank, row in enumerate(part)}
                if store is not None:
                    _keep(store, part, rows)
        return computed

    def _run(self, images: Dataset[Tensor], n_images: int, progress: Callable[[int], None]) -> FloatArray:
        loader = ordered_loader(images, n_images, batch_size=BATCH_SIZE, workers=self.workers)
        return extract_features(
            self.learner.model,
            self.learner.grouping,
            _filled(loader),
            precision=self.precision,
            progress=progress,
        ).penultimate[:n_images]

    def _width(self) -> int:
        side = self.learner.preprocessing.image_size
        one = [torch.zeros(1, 3, side, side)]
        width: int = extract_features(self.learner.model, self.learner.grouping, one).penultimate.shape[1]
        return width

    def _open_store(self) -> Store:
        model, transform = self.learner.model, self.transform
        found = versions()
        key: dict[str, Any] = {
            "what": "the classifier's input",
            "network": type(model).__name__,
            "weights": state_digest(model, without=classifier_name(model)),
            "preprocessing": transform.preprocessing.to_json(),
            "transform": transform.key,
            "precision": self.precision,
            "device": best_device().type,
            "versions": {name: found[name] for name in DECIDING},
        }
        return Store.open(key, shape=(self._width(),), dtype=np.float32, warn=self.reporter.say)


def _wanted(paths: Sequence[Path], views: int, *, is_augmented: bool) -> list[Wanted]:
    digests = content_digests(paths)
    return [
        Wanted(with_view(digest, view) if is_augmented else digest, path, digest, view)
        for view in range(views)
        for path, digest in zip(paths, digests, strict=True)
    ]


def _image_by_image(rows: Iterable[Wanted]) -> list[Wanted]:
    """Return the rows with the views of an image beside each other, so that it is decoded once."""
    rows = list(rows)
    places = {row.digest: rank for rank, row in enumerate(rows)}
    return sorted(rows, key=lambda row: (places[row.digest], row.view))


def _keep(store: Store, part: Sequence[Wanted], rows: FloatArray) -> None:
    """Append the rows of images that are still those whose bytes were hashed before they were decoded."""
    now = content_digests(row.path for row in part)
    kept = [rank for rank, digest in enumerate(now) if digest == part[rank].digest]
    store.append([part[rank].name for rank in kept], rows[kept])


def _filled(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """Repeat the last image of a short batch until it has `BATCH_SIZE`."""
    for batch in batches:
        repeats = batch[-1:].expand(BATCH_SIZE - len(batch), -1, -1, -1)
        yield torch.cat([batch, repeats]) if len(repeats) else batch


class _Images(Dataset[Tensor]):
    """The networks' inputs for rows that are wanted; an image whose views follow each other is decoded once."""

    def __init__(self, wanted: Sequence[Wanted], transform: TrainingTransform) -> None:
        self._wanted = wanted
        self._transform = transform
        self._decoded: tuple[Path, Any] | None = None

    def __getitem__(self, rank: int) -> Tensor:
        row = self._wanted[rank]
        if self._decoded is None or self._decoded[0] != row.path:
            self._decoded = row.path, load_rgb(row.path)
        # By content, not by rank: an image keeps its views when others join it.
        return self._transform(self._decoded[1], epoch=row.view, index=as_number(row.digest))

    def __len__(self) -> int:
        return len(self._wanted)


class _Count:
    """Counts images, and says after two batches how long all will take."""

    def __init__(self, total: int, advance: Advance, reporter: Reporter, max_minutes: float | None) -> None:
        self._max_minutes = max_minutes
        self._total = total
        self._advance = advance
        self._reporter = reporter
        self._done = self._batches = 0
        self._warmed_up = 0.0

    def __call__(self, n_images: int) -> None:
        self._batches += 1
        self._done = min(self._done + n_images, self._total)
        self._advance(self._done, self._total)
        if self._batches == WARM_UP_BATCHES:
            self._warmed_up = time.perf_counter()
        elif self._batches == WARM_UP_BATCHES + 1:
            self._tell((time.perf_counter() - self._warmed_up) / BATCH_SIZE)

    def _tell(self, image_s: float) -> None:
        minutes = image_s * self._total / 60
        self._reporter.say(
            f"training: the features of {self._total:,} images once, about {describe_minutes(minutes)} "
            f"(measured: {1000 * image_s:.0f} ms an image), then the head is solved"
        )
        if self._max_minutes is not None and minutes > self._max_minutes:
            self._reporter.say(
                f"warning: the features alone take about {describe_minutes(minutes)}, more than --max-minutes "
                f"{self._max_minutes:g}, which can only leave out epochs; a smaller --image-size is faster"
            )
