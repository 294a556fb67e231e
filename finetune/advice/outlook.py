"""What each strategy promises on a data set, which one that speaks for, and what would change the answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from finetune.advice.augmentation_probe import AugmentationProbe
from finetune.advice.contenders import CONTENDERS
from finetune.advice.costs import Cost
from finetune.advice.decide import TIME_WEIGHT, Decision, decide
from finetune.advice.evidence import Sizes
from finetune.advice.forecast import Expectation, Forecast, ForecastTable, expect
from finetune.advice.freeze_line import FreezeLine
from finetune.advice.language import LANGUAGES
from finetune.advice.measured import Measures
from finetune.advice.more_data import MoreImages, growth
from finetune.advice.race import Rung, after_rungs
from finetune.advice.rules import USELESS_BELOW_GAIN

GROWTHS = (2, 4, 10, 40)
"""Times as many images as there are, of which the first that changes the advice is told."""
GOOD_ANYWAY = 0.9
"""Where frozen features tell so many images right, they serve, though random ones may do as well."""


@dataclass(frozen=True)
class Change:
    """What would have to be otherwise for ``contender`` to be advised: ``times`` as many images, or, where it is
    None, accuracy alone to count."""

    contender: str
    times: int | None


@dataclass(frozen=True)
class Outlook:
    """The forecasts and costs by contender, the decision, and what more was found on the way.

    ``n_trainings`` is how many trainings the forecasts come from, and ``n_own`` how many of them are the user's.
    ``time_weight`` is in points for a doubling of the time. ``changes`` are at most two, in words' order. ``rungs``
    are what a race has seen, empty where none was run. ``allowed`` are the contenders that may be advised: the
    probability that decides whether the choice is sure is the one among them. ``kept`` says what was not measured now
    (measures, seconds, augmentations) but on an earlier day.
    """

    measures: Measures
    forecasts: Mapping[str, Forecast]
    costs: Mapping[str, Cost]
    decision: Decision
    changes: tuple[Change, ...]
    time_weight: float
    n_trainings: int
    n_own: int
    more: MoreImages | None = None
    line: FreezeLine | None = None
    augmentation: AugmentationProbe | None = None
    rungs: tuple[Rung, ...] = ()
    allowed: tuple[str, ...] = tuple(CONTENDERS)
    kept: Mapping[str, str] = field(default_factory=dict)

    @property
    def runner_up(self) -> str:
        """Return the best contender of another strategy than the chosen one, by preference one that is allowed."""
        chosen = CONTENDERS[self.decision.strategy].strategy
        utilities = self.decision.utilities
        ranked = sorted(utilities, key=lambda name: (name not in self.allowed, -utilities[name]))
        return next(name for name in ranked if CONTENDERS[name].strategy != chosen)

    @property
    def lead(self) -> float:
        """Return by how many points of utility the choice leads its runner-up; below 0 where that is not allowed."""
        utilities = self.decision.utilities
        return utilities[self.decision.strategy] - utilities[self.runner_up]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers by contender, and the decision."""
        return {
            "forecast": {name: self._row(name) for name in self.forecasts},
            "decision": {
                "contender": self.decision.strategy,
                "runner_up": self.runner_up,
                "lead_points": round(self.lead, 2),
                "is_sure": self.decision.is_sure,
                "allowed": list(self.allowed),
                "time_weight": self.time_weight,
                "changes": [{"contender": one.contender, "times": one.times} for one in self.changes],
                "n_trainings": self.n_trainings,
                "n_own": self.n_own,
            },
            "measures": self.measures.to_json(),
            "kept": dict(self.kept),
            "more_images": None if self.more is None else self.more.to_json(),
            "growth": self._growth(),
            "said": self._said(),
            "freeze_line": None if self.line is None else self.line.to_json(),
            "race": [asdict(rung) for rung in self.rungs],
            "augmentation": None if self.augmentation is None else self.augmentation.to_json(),
        }

    def _growth(self) -> list[dict[str, Any]]:
        """Return what `more_data.growth` tells, nothing where no curve could be measured."""
        if self.more is None or self.measures.curve is None:
            return []
        return growth(self.measures.curve, n_now=self.more.n_now, n_measured=self.measures.n_images)

    def _said(self) -> dict[str, dict[str, str]]:
        """Return the sentences on where to freeze and on augmentation, by language."""
        parts = {"freeze_line": self.line, "augmentation": self.augmentation}
        return {
            name: {language: part.sentence(language) for language in LANGUAGES}
            for name, part in parts.items()
            if part is not None
        }

    def _row(self, name: str) -> dict[str, Any]:
        found, contender = self.forecasts[name], CONTENDERS[name]
        return {
            "strategy": contender.strategy,
            "options": dict(contender.options),
            "accuracy": round(found.accuracy, 4),
            "interval": [round(found.low, 4), round(found.high, 4)],
            "p_best": round(found.p_best, 3),
            "p_within_one": round(found.p_within_one, 3),
            "seconds": round(self.costs[name].seconds, 1),
            "peak_bytes": round(self.costs[name].peak_bytes),
            "trainable_share": self.costs[name].trainable_share,
            "utility": round(self.decision.utilities[name], 2),
        }


def look_ahead(
    table: ForecastTable,
    sizes: Sizes,
    measures: Measures,
    costs: Mapping[str, Cost],
    *,
    time_weight: float = TIME_WEIGHT,
    budget_s: float | None = None,
    n_own: int = 0,
    rungs: Sequence[Rung] = (),
) -> Outlook:
    """Return the outlook for the contenders of ``costs`` that the table knows; two strategies of them at least.

    What takes longer than ``budget_s`` is not advised where something else does not. ``rungs`` of a race correct
    what is expected.
    """
    names = [name for name in table.beliefs if name in costs]
    expected = after_rungs(expect(table, sizes, measures, strategies=names), rungs, table.remaining)
    allowed = _within(budget_s, _serving(names, measures), costs)
    seconds = {name: costs[name].seconds for name in names}

    def choose(found: Expectation, *, weight: float) -> Decision:
        whole = decide(found.forecasts(), seconds, time_weight=weight)
        part = decide(found.only(allowed).forecasts(), seconds, time_weight=weight)
        return replace(part, utilities=whole.utilities)

    decision = choose(expected, weight=time_weight)
    changes = []
    for times in () if rungs else GROWTHS:
        grown = replace(sizes, n_train=times * sizes.n_train)
        other = choose(expect(table, grown, measures, strategies=names), weight=time_weight).strategy
        if other != decision.strategy:
            changes.append(Change(other, times))
            break
    without = choose(expected, weight=0.0).strategy
    if without != decision.strategy:
        changes.append(Change(without, None))
    return Outlook(
        measures,
        expected.forecasts(),
        costs,
        decision,
        tuple(changes),
        time_weight,
        table.n_trainings,
        n_own,
        rungs=tuple(rungs),
        allowed=tuple(allowed),
    )


def features_are_useless(measures: Measures) -> bool:
    """Whether pretrained weights measure as worth no more than random ones, and do not serve for all that."""
    return measures.gain.value < USELESS_BELOW_GAIN and measures.gain.accuracy_pretrained < GOOD_ANYWAY


def _serving(names: list[str], measures: Measures) -> list[str]:
    """Return the contenders that may be advised: nothing is frozen whole where the features are of no use."""
    if not features_are_useless(measures):
        return names
    return [name for name in names if CONTENDERS[name].strategy != "freeze-all"]


def _within(budget_s: float | None, names: list[str], costs: Mapping[str, Cost]) -> list[str]:
    """Return the contenders that can be trained in full in the time there is, or the fastest alone."""
    if budget_s is None:
        return names
    fitting = [name for name in names if costs[name].seconds <= budget_s]
    return fitting or [min(names, key=lambda name: costs[name].seconds)]
