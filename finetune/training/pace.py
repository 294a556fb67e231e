"""The pace of this machine: what an image costs to load, to run and to train on, timed on a few real ones."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from finetune.advice.costs import Pace, Plan, StepPace
from finetune.data.images import load_rgb
from finetune.data.sources import LabelledImage
from finetune.model.device import best_device
from finetune.model.halves import Halves
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.cache_choice import DEFAULT_VIEWS, on_best_device
from finetune.training.estimate import Trial
from finetune.training.fastest import Batch, settle_precision
from finetune.training.learner import Learner, build_learner
from finetune.training.loaders import batch_size_of, transform_of
from finetune.training.prepared import Prepared
from finetune.training.resolve import Resolved, resolve
from finetune.training.settle import make_tuner
from strategies import STRATEGIES

TIMED_STEPS = 2
TIMED_PIXELS = 8 * 224 * 224
"""Of the images of a timed step: more would be nearer to a batch of training, and take longer to time."""
LEAST_TIMED = 2


def resolved_for(prepared: Prepared, recipe: Recipe, strategy: str) -> Resolved:
    """Return ``recipe`` filled for ``strategy`` as `set_up` does; raises OptionError where the two do not go."""
    return resolve(
        recipe,
        strategy=strategy,
        backbone=prepared.backbone,
        weights="none" if STRATEGIES[strategy].weights == "random" else prepared.weights_choice,
        n_train=len(prepared.split.train),
        class_names=prepared.split.class_names,
        class_counts=Counter(image.label for image in prepared.split.train),
    )


def plan_of(recipe: Recipe) -> Plan:
    """Return what the cost of training by steps hangs on; ``recipe`` is resolved."""
    is_plain = recipe.augment in (None, "none")
    views = 1 if is_plain else recipe.views or DEFAULT_VIEWS
    return Plan(recipe.epochs or 1, batch_size_of(recipe), bool(recipe.head_first), views)


def measure_pace(
    prepared: Prepared, recipes: dict[str, Resolved], *, width: int, wide: int, reporter: Reporter
) -> Pace:
    """Time loading, a forward pass and training steps of each of ``recipes``, by strategy, on a few images.

    One of them at least.
    """
    learners = {name: build_learner(prepared, found) for name, found in recipes.items()}
    first = next(iter(recipes))
    batch, load_s, crop_s = _loaded(learners[first], recipes[first].recipe)
    precision = settle_precision(
        _trainable(recipes[first]),
        lambda name: make_tuner(
            learners[first], _trainable(recipes[first]).with_changes(precision=name), cut=False
        ),
        lambda: batch,
        reporter,
    )
    steps, forward_s = {}, 0.0
    for name, learner in learners.items():
        recipe = _trainable(recipes[name]).with_changes(precision=precision)
        steps[name], forward_s = _step_pace(learner, recipe, batch)
    return Pace(load_s, crop_s, forward_s, steps, _memory_bytes(), width, wide)


def _trainable(resolved: Resolved) -> Recipe:
    recipe = resolved.recipe
    return recipe.with_changes(find_lr=False, lr=recipe.lr or resolved.fallback_lr)


def _loaded(learner: Learner, recipe: Recipe) -> tuple[Batch, float, float]:
    """Return a batch of real images, and the seconds to decode one and to cut a view from it."""
    chosen = timed_images(learner.split.train, recipe, side=learner.preprocessing.image_size)
    n = len(chosen)
    transform = transform_of(learner, recipe)
    started = time.perf_counter()
    decoded = [transform.shrink(load_rgb(image.path, enough_px=transform.enough_px)) for image in chosen]
    done = time.perf_counter()
    crops = [np.asarray(transform.crop(image, epoch=0, index=index)) for index, image in enumerate(decoded)]
    tensors = transform.preprocessing.normalise_batch(np.stack(crops))
    seconds = np.diff([started, done, time.perf_counter()]) / n / _loaders()
    return (tensors, torch.tensor(learner.split.indices(chosen))), float(seconds[0]), float(seconds[1])


def timed_images(images: Sequence[LabelledImage], recipe: Recipe, *, side: int) -> list[LabelledImage]:
    """Return the images of a timed step at ``side`` px: a batch of ``recipe`` at most, spread over ``images``."""
    n = min(len(images), batch_size_of(recipe), max(LEAST_TIMED, TIMED_PIXELS // side**2))
    return [images[row] for row in np.linspace(0, len(images) - 1, n).round().astype(int)]


def _loaders() -> int:
    """Return how many processes load beside the training, which keeps one core at least."""
    return max(1, (os.cpu_count() or 1) - 1)


def _step_pace(learner: Learner, recipe: Recipe, batch: Batch) -> tuple[StepPace, float]:
    """Return the pace of a training step of ``recipe``, and the seconds of an image's forward pass."""
    tuner = make_tuner(learner, recipe, cut=False)
    trial = Trial(tuner)
    with _counting(trial.model) as kept:
        trial.step(*batch)
    n = len(batch[1])
    step_s = min(trial.step(*batch) for _ in range(TIMED_STEPS)) / n
    forward_s = trial.forward_s(batch[0])
    del trial
    trained = {group.name for group in learner.plan.groups if not group.is_frozen}
    sizes = {group.name: group.n_parameters for group in learner.grouping.groups}
    return StepPace(
        step_s,
        min(step_s, _frozen_s(learner, recipe, batch[0])),
        sum(kept.values()) / n,
        sum(sizes[name] for name in trained),
        sum(sizes.values()),
    ), forward_s


def _frozen_s(learner: Learner, recipe: Recipe, images: Tensor) -> float:
    """Return the seconds an image takes to the freeze line; 0 where nothing is frozen or can be kept."""
    if recipe.cache == "off" or not any(group.is_frozen for group in learner.plan.groups):
        return 0.0
    tuner = make_tuner(learner, recipe, cut=False)
    tuner.cut(image_size=learner.preprocessing.image_size)
    if tuner.halves is None:
        return 0.0
    with on_best_device(learner.model):
        return _timed_lower(tuner.halves, images.to(best_device())) / len(images)


def _timed_lower(halves: Halves, images: Tensor) -> float:
    halves.lower(images)
    started = time.perf_counter()
    halves.lower(images).cpu()
    return time.perf_counter() - started


@contextmanager
def _counting(model: nn.Module) -> Iterator[dict[int, int]]:
    """Count the bytes that the block keeps for its backward passes: storages that are not the model's own, once."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield kept


def _memory_bytes() -> int:
    """Return what this process holds in memory now; on systems that do not tell, what it has held at most."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        import resource  # not on Windows

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else 1024 * most
