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
    """Return the seconds of the fastest of a few steps in each precision, taken in turns after a warm-up."""
    trials = {name: Trial(make_tuner(name)) for name in candidates}
    for trial in trials.values():
        trial.step(*batch)
    rounds = [{name: trial.step(*batch) for name, trial in trials.items()} for _ in range(TIMED_STEPS)]
    return {name: min(times[name] for times in rounds) for name in candidates}


def _is_small(tuner: Tuner) -> bool:
    n_parameters = sum(parameter.numel() for parameter in tuner.model.parameters())
    return best_device().type == "cpu" and n_parameters < SMALL_NETWORK
