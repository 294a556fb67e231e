"""What a few epochs of each strategy say of its end: forecasts corrected by what was seen, without bias. Pure.

After an epoch or two full fine-tuning lies below the frozen probe that it later beats, so that the best so far says
little of the best in the end. What each strategy still gains from there was learnt from whole trainings
(`forecast.Remaining`), and the race compares the expected ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from finetune.advice.evidence import logit
from finetune.advice.forecast import Expectation, Remaining

WORTH_A_TRY = 0.05
"""A strategy that is within a point of the best with less probability does not take part."""


@dataclass(frozen=True)
class Rung:
    """Where ``contender`` stands after ``epochs_done`` of its ``epochs``: its accuracy on ``n_val`` images before
    training and after each epoch, ``val_accuracy``, in [0, 1]. ``head_is_fitted`` where training began with a
    linear head that was solved on frozen features."""

    contender: str
    epochs_done: int
    epochs: int
    val_accuracy: tuple[float, ...]
    n_val: int
    head_is_fitted: bool = True

    @property
    def best(self) -> float:
        """Return the best accuracy so far."""
        return max(self.val_accuracy)


def after_rungs(
    expected: Expectation, rungs: Iterable[Rung], remaining: Mapping[str, Sequence[Remaining]]
) -> Expectation:
    """Return ``expected`` corrected by each of ``rungs``: two normal distributions of one logit, multiplied.

    Where the head was fitted first, the accuracy before training is that of `freeze-all`.
    """
    for rung in rungs:
        expected = _corrected(expected, rung.contender, rung, rung.best, remaining)
        if rung.head_is_fitted and rung.contender in ("partial", "full-finetune"):
            head = replace(rung, contender="freeze-all", epochs_done=0)
            expected = _corrected(expected, "freeze-all", head, rung.val_accuracy[0], remaining)
            remaining = {name: rows for name, rows in remaining.items() if name != "freeze-all"}
    return expected


def _corrected(
    expected: Expectation,
    name: str,
    rung: Rung,
    accuracy: float,
    remaining: Mapping[str, Sequence[Remaining]],
) -> Expectation:
    if name not in expected.names or not remaining.get(name):
        return expected
    still = remaining_at(remaining[name], rung.epochs_done / rung.epochs)
    place = expected.names.index(name)
    seen, variance = (
        logit(accuracy, n=rung.n_val) + still.mean,
        still.deviation**2 + counting_variance(accuracy, rung.n_val),
    )
    before = float(expected.spreads[place]) ** 2
    middles, spreads = expected.middles.copy(), expected.spreads.copy()
    middles[place] = (middles[place] * variance + seen * before) / (before + variance)
    spreads[place] = np.sqrt(before * variance / (before + variance))
    return replace(expected, middles=middles, spreads=spreads)


def counting_variance(accuracy: float, n: int) -> float:
    """Return the variance of a logit counted on ``n`` images: 1 / (n p (1 - p)), p moved by half an image."""
    p = (accuracy * n + 0.5) / (n + 1)
    return 1 / (n * p * (1 - p))


def remaining_at(rows: Sequence[Remaining], share: float) -> Remaining:
    """Return what remains after ``share`` of the epochs, between the rows by linear interpolation."""
    shares = [row.share for row in rows]
    mean, deviation = (
        float(np.interp(share, shares, values))
        for values in ([row.mean for row in rows], [row.deviation for row in rows])
    )
    return Remaining(share, mean, deviation)


def runners(forecasts: Mapping[str, float], *, frozen: Iterable[str]) -> list[str]:
    """Return the contenders worth a try, by their probability to be within a point of the best.

    What is ``frozen`` needs no race: its head is solved in seconds. The likeliest other one always runs.
    """
    others = [name for name in forecasts if name not in set(frozen)]
    worth = [name for name in others if forecasts[name] >= WORTH_A_TRY]
    return worth or [max(others, key=lambda name: forecasts[name])]


def epochs_to_run(epochs: int, *, total_seconds: float, budget_s: float) -> int:
    """Return how many of a training's ``epochs`` it runs: each gets the same share of what it would take in full.

    ``total_seconds`` are those of all runners. At least one epoch, at most all.
    """
    return max(1, int(epochs * min(1.0, budget_s / total_seconds)))
