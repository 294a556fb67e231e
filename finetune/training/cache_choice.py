"""Whether to keep what crosses the freeze line: decided by measured time and size, said in one sentence."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from finetune.data.health.findings import amount
from finetune.errors import OptionError
from finetune.model.device import best_device
from finetune.model.halves import Halves
from finetune.model.precision import Concrete
from finetune.progress import SILENT, Reporter
from finetune.recipe import Recipe
from finetune.training.boundary import CHUNK, Boundary, BoundaryDataset
from finetune.training.estimate import describe_minutes
from finetune.training.learner import Learner
from finetune.training.loaders import Batches, some_train_batches
from finetune.training.tuner import Tuner

DEFAULT_VIEWS = 4
LEAST_SAVED_S = 5.0
"""Below that the choice would hang on the clock's noise, and nobody would feel it."""
LEAST_SAVED_SHARE = 0.1
"""Of what the frozen part costs without a cache."""
SLOW_DISK_BYTES_S = 200e6
"""Assumed where the rows will not all stay in memory."""


@dataclass(frozen=True)
class Costs:
    """Measured seconds an image: through the frozen part with loading, to keep a row, to read one; its bytes."""

    frozen_s: float
    keep_s: float
    read_s: float
    row_bytes: int


@dataclass(frozen=True)
class Passes:
    """How often the images will be wanted, and of how many augmented views each is kept."""

    n_train: int
    n_val: int
    epochs: int
    views: int

    @property
    def n_rows(self) -> int:
        """Return the rows that would be kept."""
        return self.n_train * min(self.views, self.epochs) + self.n_val

    @property
    def n_wanted(self) -> int:
        """Return how often a row is wanted; val is scored once before the first epoch."""
        return self.n_train * self.epochs + self.n_val * (self.epochs + 1)


@dataclass(frozen=True)
class CacheChoice:
    """Whether to keep rows, and the sentence that says why."""

    is_on: bool
    sentence: str


def choose_cache(costs: Costs, passes: Passes, *, has_room: bool, is_asked: bool) -> CacheChoice:
    """Decide whether keeping rows saves time; ``is_asked`` decides for it whatever it saves."""
    plain_s = costs.frozen_s * passes.n_wanted
    kept_s = (costs.frozen_s + costs.keep_s) * passes.n_rows + costs.read_s * passes.n_wanted
    saved_s = plain_s - kept_s
    size = _size(costs.row_bytes * passes.n_rows)
    if not has_room:
        why = f"what the frozen part gives would take {size}, which the cache has no room for"
        return CacheChoice(
            is_asked, f"{'warning' if is_asked else 'no cache'}: {why}; raise FINETUNE_CACHE_GB"
        )
    if is_asked or saved_s > max(LEAST_SAVED_S, LEAST_SAVED_SHARE * plain_s):
        views = "once" if passes.views == 1 else f"once for each of {passes.views} views of an image"
        saves = f"saves about {describe_minutes(saved_s / 60)}" if saved_s > 0 else "saves no time here"
        return CacheChoice(
            True,
            f"cache: the frozen part runs {views} instead of in {amount(passes.epochs, 'epoch')}, which {saves} "
            f"({1000 * costs.frozen_s:.1f} ms an image); {size} on disk",
        )
    return CacheChoice(
        False,
        f"no cache: the frozen part takes {1000 * costs.frozen_s:.1f} ms an image, "
        f"{describe_minutes(plain_s / 60)} in all, and keeping what it gives would save too little of that",
    )


def on_disk(costs: Costs, passes: Passes) -> Costs:
    """Return ``costs`` with reads as slow as a disk's where the rows would fill half of the memory."""
    if costs.row_bytes * passes.n_rows < _memory_bytes() / 2:
        return costs
    return replace(costs, read_s=max(costs.read_s, costs.row_bytes / SLOW_DISK_BYTES_S))


def settle_cache(learner: Learner, recipe: Recipe, tuner: Tuner, reporter: Reporter) -> Recipe:
    """Return ``recipe`` with ``cache`` on or off, and ``views`` where images are augmented.

    ``tuner`` is for whole images. A recipe that trains from the first layer on is returned as it is. Raises
    OptionError when a cache is asked for but cannot be.
    """
    if recipe.cache == "off" or not any(group.is_frozen for group in learner.plan.groups):
        return recipe
    is_asked = recipe.cache == "on" or recipe.views is not None
    if recipe.deterministic and not is_asked:
        reporter.say(
            "no cache: whether it saves time is measured, which --deterministic leaves out; --cache on forces it"
        )
        return recipe.with_changes(cache="off")
    tuner.cut(image_size=learner.preprocessing.image_size)
    halves = tuner.halves
    moves = recipe.unfreeze_at is not None or recipe.grow_from is not None
    if halves is None and is_asked:
        raise OptionError(
            f"--cache on: more than one tensor crosses the freeze line of {recipe.backbone}, so nothing can be "
            "kept; use --cache off"
        )
    if halves is None or moves or recipe.mixup is not None or recipe.cutmix is not None:
        return recipe.with_changes(cache="off", views=None)
    views = None if recipe.augment == "none" else recipe.views or min(DEFAULT_VIEWS, recipe.epochs or 1)
    boundary = boundary_of(halves, recipe.with_changes(views=views))
    choice = _measured_choice(learner, recipe, boundary, is_asked=is_asked)
    reporter.say(choice.sentence)
    if not choice.is_on:
        return recipe.with_changes(cache="off", views=None)
    return recipe.with_changes(cache="on", views=views)


@contextmanager
def on_best_device(model: nn.Module) -> Iterator[None]:
    """Have ``model`` where it will train, within the block."""
    model.to(best_device())
    try:
        yield
    finally:
        model.cpu()


def across_the_line(
    loaders: Sequence[Batches], halves: Halves | None, recipe: Recipe, reporter: Reporter = SILENT
) -> list[Batches]:
    """Return ``loaders``, or batches of what crosses the freeze line where the network was cut there."""
    if halves is None:
        return list(loaders)
    boundary = boundary_of(halves, recipe, reporter)
    return [boundary.across(loader) for loader in loaders]


def boundary_of(halves: Halves, recipe: Recipe, reporter: Reporter = SILENT) -> Boundary:
    """Return the boundary that ``recipe``, which is settled, asks for; the same warning is given once."""
    said: set[str] = set()

    def warn(sentence: str) -> None:
        if sentence not in said:
            said.add(sentence)
            reporter.say(sentence)

    precision: Concrete = recipe.precision if recipe.precision in ("bf16", "fp16") else "fp32"
    return Boundary(halves, precision, views=recipe.views or 1, warn=warn)


def _measured_choice(learner: Learner, recipe: Recipe, boundary: Boundary, *, is_asked: bool) -> CacheChoice:
    split = learner.split
    passes = Passes(len(split.train), len(split.val), recipe.epochs or 1, boundary.views)
    with on_best_device(learner.model):
        rows = boundary.across(some_train_batches(learner, recipe, 1)).dataset
        assert isinstance(rows, BoundaryDataset)
        costs = _measure(rows, n_images=min(CHUNK, len(rows)))
    has_room = rows.store.has_room(passes.n_rows)
    return choose_cache(on_disk(costs, passes), passes, has_room=has_room, is_asked=is_asked)


def _measure(rows: BoundaryDataset, *, n_images: int) -> Costs:
    """Time the frozen part, keeping and reading on a few images whose files have been decoded before."""
    pairs = [(index, 0) for index in range(n_images)]
    rows.compute(pairs)
    started = time.perf_counter()
    computed = rows.compute(pairs)
    done = time.perf_counter()
    names = [rows.name(*pair) for pair in pairs]
    rows.store.append(names, computed)
    kept = time.perf_counter()
    rows.store.rows(names)
    seconds = np.diff([started, done, kept, time.perf_counter()]) / n_images
    frozen_s, keep_s, read_s = map(float, seconds)
    return Costs(frozen_s, keep_s, read_s, rows.store.row_bytes)


def _memory_bytes() -> int:
    """Return the size of the memory, 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0


def _size(n_bytes: int) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if n_bytes >= unit:
            return f"{n_bytes / unit:.3g} {name}"
    return f"{math.ceil(n_bytes / 1e3)} kB"
