"""Whom the advisor is compared with: each chooses a strategy for a cell, having seen other base sets at most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from advisor.fit import STRATEGIES, Cell, fit
from finetune.advice.decide import TIME_WEIGHT, decide
from finetune.advice.forecast import expect, forecast
from finetune.advice.race import Rung, after_rungs, epochs_to_run, runners
from finetune.advice.rules import find_rule

RACE = "forecast, then a race of 10 %"
FROZEN = ("freeze-all", "multi-stage")
Chooser = Callable[[Cell], Mapping[str, float]]
"""Returns the share with which each strategy is chosen; they sum to 1."""
Advisor = Callable[[Sequence[Cell]], Chooser]
"""Is shown the cells of the other base sets."""


def always(strategy: str) -> Advisor:
    """Return the advisor that says the same to all."""
    return lambda _seen: lambda _cell: {strategy: 1.0}


def by_chance(_seen: Sequence[Cell]) -> Chooser:
    """Each strategy equally often."""
    return lambda _cell: dict.fromkeys(STRATEGIES, 1 / len(STRATEGIES))


def plain_rule(_seen: Sequence[Cell]) -> Chooser:
    """The size x similarity square as it is taught."""
    return lambda cell: {find_rule(cell.sizes.n_train, cell.measures.gain.value).strategy: 1.0}


def probe_only(seen: Sequence[Cell]) -> Chooser:
    """Freeze where the last-layer probe is at least so good, else train all; the threshold suits the seen best."""
    thresholds = [0.0, *sorted(cell.measures.last_layer for cell in seen), 1.1]

    def reached(threshold: float) -> float:
        return float(np.mean([cell.accuracy[_by_probe(cell, threshold)] for cell in seen]))

    best = max(thresholds, key=reached)
    return lambda cell: {_by_probe(cell, best): 1.0}


def _by_probe(cell: Cell, threshold: float) -> str:
    return "multi-stage" if cell.measures.last_layer >= threshold else "full-finetune"


def forecasting(*, time_weight: float = TIME_WEIGHT) -> Advisor:
    """Return the advisor that forecasts each strategy from the seen cells and takes the best utility."""

    def advisor(seen: Sequence[Cell]) -> Chooser:
        table = fit(seen)

        def choose(cell: Cell) -> Mapping[str, float]:
            found = forecast(table, cell.sizes, cell.measures)
            return {decide(found, cell.seconds, time_weight=time_weight).strategy: 1.0}

        return choose

    return advisor


def halving(epochs: int) -> Advisor:
    """Return plain successive halving's first rung: the best on val after ``epochs`` of each full-length schedule."""

    def choose(cell: Cell) -> Mapping[str, float]:
        def early(strategy: str) -> float:
            history = cell.history[strategy]
            if not history:  # a solved head is done at once: its probe stands for it
                measures = cell.measures
                return measures.last_layer if strategy == "freeze-all" else measures.gain.accuracy_pretrained
            return history[min(epochs, len(history) - 1)]

        return {max(STRATEGIES, key=early): 1.0}

    return lambda _seen: choose


def racing(share: float, *, time_weight: float = TIME_WEIGHT) -> Advisor:
    """Return the advisor that trains the likeliest strategies for ``share`` of what they take, where it is unsure."""

    def advisor(seen: Sequence[Cell]) -> Chooser:
        table = fit(seen)

        def choose(cell: Cell) -> Mapping[str, float]:
            expected = expect(table, cell.sizes, cell.measures)
            found = expected.forecasts()
            first = decide(found, cell.seconds, time_weight=time_weight)
            if first.is_sure:
                return {first.strategy: 1.0}
            chances = {name: one.p_within_one for name, one in found.items()}
            rungs = [_rung(cell, name, share) for name in runners(chances, frozen=FROZEN)]
            after = after_rungs(expected, rungs, table.remaining).forecasts()
            return {decide(after, cell.seconds, time_weight=time_weight).strategy: 1.0}

        return choose

    return advisor


def _rung(cell: Cell, name: str, share: float) -> Rung:
    epochs = cell.epochs[name] or 1
    done = min(len(cell.history[name]) - 1, epochs_to_run(epochs, total_seconds=1.0, budget_s=share))
    return Rung(name, done, epochs, tuple(cell.history[name][: done + 1]), cell.n_val)


def oracle(_seen: Sequence[Cell]) -> Chooser:
    """Knows the test."""
    return lambda cell: {max(STRATEGIES, key=lambda name: cell.accuracy[name]): 1.0}


ADVISORS: Mapping[str, Advisor] = {
    "random": by_chance,
    **{f"always {name}": always(name) for name in STRATEGIES},
    "size x similarity rule": plain_rule,
    "probe only": probe_only,
    "halving after epoch 1": halving(1),
    "halving after epoch 3": halving(3),
    "forecast": forecasting(),
    "forecast, accuracy alone": forecasting(time_weight=0.0),
    RACE: racing(0.1),
    "oracle": oracle,
}
