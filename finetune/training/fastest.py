"""Which precision trains a network fastest on this machine, timed on copies of it."""

from __future__ import annotations

from collections.abc import Callable

import torch

from finetune.model.device import best_device
from finetune.model.precision import Concrete, detect
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.estimate import Trial
from finetune.training.tuner import Tuner

TIMED_STEPS = 3
TIMED_PIXELS = 8 * 224 * 224
"""Of the images of a timed step: enough that the arithmetic, not the calls, takes its time."""
LEAST_TIMED_IMAGES = 2
"""Batch norm cannot train on one value a channel."""
CLEARLY_FASTER = 1.15
"""Times by which bf16 must be ahead: noise must not choose, and full precision is worth something."""
SMALL_NETWORK = 1_000_000
"""Parameters below which a network's steps are too short for bf16 to pay."""

MakeTuner = Callable[[Concrete], Tuner]
Batch = tuple[torch.Tensor, torch.Tensor]


def settle_precision(
    recipe: Recipe, make_tuner: MakeTuner, first_batch: Callable[[], Batch], reporter: Reporter
) -> Concrete:
    """Return the precision that ``recipe`` trains in; ``auto`` and None are settled by timing, if need be.

    They mean bf16 where the hardware has it and real steps are clearly faster in it, else fp32. Under
    ``deterministic``, and on a processor for networks under a million parameters, fp32 without timing.
    """
    if recipe.precision is not None and recipe.precision != "auto":
        return recipe.precision
    candidate = detect()
    if candidate == "fp32" or recipe.deterministic or _is_small(make_tuner("fp32")):
        return "fp32"
    times = timed(("fp32", candidate), make_tuner, first_batch())
    ratio = times["fp32"] / times[candidate]
    if ratio < CLEARLY_FASTER:
        return "fp32"
    reporter.say(f"precision {candidate}: a step is {ratio:.1f} times as fast as in fp32 here")
    return candidate


def timed(candidates: tuple[Concrete, ...], make_tuner: MakeTuner, batch: Batch) -> dict[Concrete, float]:
    """Return the seconds of the fastest of a few steps in each precision, after a warm-up.

    One after the other, on few images: full precision must not take the memory that it is there to spare.
    """
    few = _few(batch)
    return {name: _fastest_step(Trial(make_tuner(name)), few) for name in candidates}


def _few(batch: Batch) -> Batch:
    images, targets = batch
    n_images = max(LEAST_TIMED_IMAGES, TIMED_PIXELS // (images.shape[-1] * images.shape[-2]))
    return images[:n_images], targets[:n_images]


def _fastest_step(trial: Trial, batch: Batch) -> float:
    trial.step(*batch)
    return min(trial.step(*batch) for _ in range(TIMED_STEPS))


def _is_small(tuner: Tuner) -> bool:
    n_parameters = sum(parameter.numel() for parameter in tuner.model.parameters())
    return best_device().type == "cpu" and n_parameters < SMALL_NETWORK
