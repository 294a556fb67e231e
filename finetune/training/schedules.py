"""The learning rate over training: its factor in [0, 1] at each optimizer step, by schedule. No torch.

Steps are counted from 0. A linear warm-up of w steps reaches the peak at step w - 1; ``cosine`` and ``linear``
count t and T from its end, so that they always end at 0, ``step``, ``inverse-sqrt`` and ``one-cycle`` count
from the start of training, so that a milestone of 30 is the thirtieth epoch and w is part of the formula.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from finetune.recipe import Recipe
from finetune.recipe.names import Schedule

DEFAULT_SCHEDULE: Schedule = "cosine"
DEFAULT_GAMMA = 0.1
WARM_UP_SHARE = 0.1
RISE_SHARE = 0.3
"""Share of training in which ``one-cycle`` rises, as in fastai and torch."""

# One cycle begins at a 25th of the peak and ends at a 10,000th of that: the defaults of torch's OneCycleLR.
CYCLE_START = 1 / 25
CYCLE_END = CYCLE_START / 10_000


def warm_up(t: int, warmup_steps: int) -> float:
    """Return the linear rise (t + 1) / w, 1 from step w - 1 on; without warm-up steps always 1."""
    return 1.0 if t >= warmup_steps else (t + 1) / warmup_steps


def step_decay(t: int, *, every: int, gamma: float) -> float:
    """Return gamma ** floor(t / s), s = ``every`` >= 1 steps."""
    return float(gamma ** (t // every))


def milestone_decay(t: int, milestones: Sequence[int], *, gamma: float) -> float:
    """Return gamma ** (number of ``milestones``, rising and in steps, that ``t`` has reached)."""
    return float(gamma ** bisect_right(milestones, t))


def cosine(t: int, total: int) -> float:
    """Return (1 + cos(pi t / T)) / 2 (Loshchilov and Hutter, ICLR 2017), 0 beyond T."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, t / max(1, total))))


def linear(t: int, total: int) -> float:
    """Return 1 - t / T, 0 beyond T."""
    return 1 - min(1.0, t / max(1, total))


def inverse_sqrt(t: int, warmup_steps: int) -> float:
    """Return sqrt(w / max(t, w)), w at least 1 (Vaswani et al., 2017): the textbook's 1 / sqrt(t) from w on."""
    steps = max(1, warmup_steps)
    return math.sqrt(steps / max(t, steps))


def one_cycle(t: int, total: int, rise: int) -> float:
    """Return one cycle (Smith, 2018): a cosine up to the peak at step ``rise`` - 1, one down to about 0 at T - 1.

    As torch's OneCycleLR in two phases, momentum left alone.
    """
    peak, last = max(0, rise - 1), max(1, total - 1)
    if t < peak:
        return _between(CYCLE_START, 1.0, t / peak)
    return _between(1.0, CYCLE_END, min(1.0, (t - peak) / max(1, last - peak)))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class Curve:
    """A schedule with its lengths in optimizer steps: call it with a step >= 0, get the factor in [0, 1].

    ``step`` drops at each of ``milestones`` where there are any, else after ``every`` steps; the other
    schedules use neither. 0 <= ``warmup_steps`` <= ``total_steps``; ``one-cycle`` rises for that long.
    """

    schedule: Schedule
    total_steps: int
    warmup_steps: int
    every: int = 1
    milestones: tuple[int, ...] = ()
    gamma: float = DEFAULT_GAMMA

    def __call__(self, step: int) -> float:
        """Return the factor of the peak learning rate at ``step``."""
        if self.schedule == "one-cycle":
            return one_cycle(step, self.total_steps, self.warmup_steps)
        return warm_up(step, self.warmup_steps) * self._decay(step)

    def _decay(self, step: int) -> float:
        since_warm_up = max(0, step - self.warmup_steps)
        if self.schedule == "cosine":
            return cosine(since_warm_up, self.total_steps - self.warmup_steps)
        if self.schedule == "linear":
            return linear(since_warm_up, self.total_steps - self.warmup_steps)
        if self.schedule == "inverse-sqrt":
            return inverse_sqrt(step, self.warmup_steps)
        if self.schedule == "step" and self.milestones:
            return milestone_decay(step, self.milestones, gamma=self.gamma)
        return step_decay(step, every=self.every, gamma=self.gamma) if self.schedule == "step" else 1.0


def curve_of(recipe: Recipe, *, steps_per_epoch: int) -> Curve:
    """Return the curve that ``recipe``, whose epochs are known, describes; what it leaves open is the default."""
    assert recipe.epochs is not None
    schedule = recipe.schedule or DEFAULT_SCHEDULE
    warmup_epochs = recipe.warmup_epochs
    if warmup_epochs is None:
        warmup_epochs = default_warmup_epochs(recipe)
    return Curve(
        schedule,
        total_steps=recipe.epochs * steps_per_epoch,
        warmup_steps=_warmup_steps(warmup_epochs, recipe.epochs, steps_per_epoch),
        every=(recipe.step_epochs or default_step_epochs(recipe.epochs)) * steps_per_epoch,
        milestones=tuple(epoch * steps_per_epoch for epoch in recipe.milestones or ()),
        gamma=DEFAULT_GAMMA if recipe.gamma is None else recipe.gamma,
    )


def _warmup_steps(warmup_epochs: float, epochs: int, steps_per_epoch: int) -> int:
    """Return a warm-up in whole steps: one at least where there is any, no more than training has."""
    if warmup_epochs == 0:
        return 0
    # A product such as 0.1 * 3 * 15 lies a rounding error above the half that it means.
    steps = round(round(warmup_epochs * steps_per_epoch, 6))
    return min(max(1, steps), epochs * steps_per_epoch)


def default_warmup_epochs(recipe: Recipe) -> float:
    """Return a tenth of the epochs, three tenths for ``one-cycle``, and never more than to the first drop."""
    assert recipe.epochs is not None
    share = RISE_SHARE if recipe.schedule == "one-cycle" else WARM_UP_SHARE
    epochs = share * recipe.epochs
    return min(epochs, first_drop(recipe)) if recipe.schedule == "step" else epochs


def default_step_epochs(epochs: int) -> int:
    """Return a third of the epochs, rounded up: two drops."""
    return math.ceil(epochs / 3)


def first_drop(recipe: Recipe) -> int:
    """Return the epoch after which the ``step`` schedule of ``recipe`` drops first."""
    assert recipe.epochs is not None
    return (
        recipe.milestones[0]
        if recipe.milestones
        else recipe.step_epochs or default_step_epochs(recipe.epochs)
    )
