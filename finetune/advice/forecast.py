"""How well each strategy will do: the probe's accuracy, moved by what trainings on other data sets have taught.

For each strategy, logit(accuracy) = logit(last-layer probe) + w . x + noise: x are the standardised numbers of
`finetune.advice.evidence`, w a `Belief` fitted to the trainings of ``benchmarks/advisor_grid.py``. Noise goes
together between strategies, for what is hard for one is hard for the others; an interval is widened by the factor
that made it hold on data sets left out (split-conformal; Lei et al., *Distribution-free predictive inference for
regression*, JASA 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finetune.advice.evidence import Sizes, probe_logit, reached_logit, read
from finetune.advice.measured import Measures
from finetune.advice.regression import Belief

Array = NDArray[np.float64]
COVERAGE = 0.8
DRAWS = 20_000
WITHIN = 0.01
_Z = 1.2815515594600038
"""The normal distribution's 90th percentile: 80 % lie between it and its negative."""


@dataclass(frozen=True)
class Forecast:
    """The expected accuracy on new images, its 80 % interval ``low`` to ``high``, and how likely the strategy is to
    be the best, and to be within a point of the best; all in [0, 1]."""

    accuracy: float
    low: float
    high: float
    p_best: float
    p_within_one: float


class Remaining(NamedTuple):
    """After ``share`` of a training's epochs, its final logit on test images lies ``mean`` above that of its best
    accuracy on val so far, with the standard ``deviation`` that is left when counting on val had no noise."""

    share: float
    mean: float
    deviation: float


@dataclass(frozen=True)
class ForecastTable:
    """What trainings have taught, as it is shipped and as the user's own runs refine it.

    ``centre`` and ``scale`` standardise the ``readings``; ``beliefs`` hold one weight more than these, the first,
    for the constant 1. ``correlation`` S x S is that of the noise between the strategies in the order of
    ``beliefs``; ``widening`` multiplies each interval. ``version`` and ``origin`` say where all this comes from,
    ``n_trainings`` of how many trainings it was made. ``epochs_shares`` say what share of its planned epochs each
    strategy used before early stopping ended it, in the median; ``remaining`` how far accuracies still go from
    where a training stands after a part of its epochs.
    """

    version: int
    origin: str
    readings: tuple[str, ...]
    centre: Array
    scale: Array
    beliefs: Mapping[str, Belief]
    correlation: Array
    widening: Mapping[str, float]
    n_trainings: int = 0
    epochs_shares: Mapping[str, float] = field(default_factory=dict)
    remaining: Mapping[str, tuple[Remaining, ...]] = field(default_factory=dict)

    def features(self, sizes: Sizes, measures: Measures) -> Array:
        """Return 1 x (1 + readings): what was measured, standardised; what is missing is as usual, 0."""
        return self.standardise(read(sizes, measures, self.readings)[None])

    def standardise(self, readings: Array) -> Array:
        """Return n x (1 + readings) of n x readings; what is no number is as usual, 0."""
        standard = np.nan_to_num((readings - self.centre) / self.scale)
        return np.concatenate([np.ones((len(standard), 1)), standard], axis=1)

    def learn(
        self, strategy: str, sizes: Sizes, measures: Measures, accuracy: float, *, n: int
    ) -> ForecastTable:
        """Return the table after one more training: ``accuracy`` of ``n`` images judged."""
        target = np.array([reached_logit(accuracy, n=n) - probe_logit(measures)])
        after = self.beliefs[strategy].learn(self.features(sizes, measures), target)
        return replace(self, beliefs={**self.beliefs, strategy: after})

    def to_json(self) -> dict[str, Any]:
        """Return everything under the names of the fields."""
        return {
            "version": self.version,
            "origin": self.origin,
            "readings": list(self.readings),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "beliefs": {name: belief.to_json() for name, belief in self.beliefs.items()},
            "correlation": self.correlation.tolist(),
            "widening": dict(self.widening),
            "n_trainings": self.n_trainings,
            "epochs_shares": dict(self.epochs_shares),
            "remaining": {name: [list(one) for one in rows] for name, rows in self.remaining.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ForecastTable:
        """Return what `to_json` gave."""
        return cls(
            version=int(values["version"]),
            origin=str(values["origin"]),
            readings=tuple(values["readings"]),
            centre=np.array(values["centre"], np.float64),
            scale=np.array(values["scale"], np.float64),
            beliefs={name: Belief.from_json(belief) for name, belief in values["beliefs"].items()},
            correlation=np.array(values["correlation"], np.float64),
            widening={name: float(factor) for name, factor in values["widening"].items()},
            n_trainings=int(values["n_trainings"]),
            epochs_shares={name: float(share) for name, share in values["epochs_shares"].items()},
            remaining={
                name: tuple(Remaining(*map(float, one)) for one in rows)
                for name, rows in values["remaining"].items()
            },
        )


@dataclass(frozen=True, eq=False)
class Expectation:
    """What is expected of S contenders: the ``middles`` and ``spreads`` of their accuracies' logits, S each, and the
    ``correlation`` S x S of what is not known."""

    names: tuple[str, ...]
    middles: Array
    spreads: Array
    correlation: Array

    def only(self, names: Sequence[str]) -> Expectation:
        """Return what is expected of ``names`` alone, in their order here."""
        places = [place for place, name in enumerate(self.names) if name in names]
        return Expectation(
            tuple(self.names[place] for place in places),
            self.middles[places],
            self.spreads[places],
            self.correlation[np.ix_(places, places)],
        )

    def forecasts(self) -> dict[str, Forecast]:
        """Return each contender's forecast, beside the others."""
        draws = _draws(self.middles, self.spreads, self.correlation)
        best = draws.max(axis=1, keepdims=True)
        return {
            name: Forecast(
                accuracy=float(_share(self.middles[rank])),
                low=float(_share(self.middles[rank] - _Z * self.spreads[rank])),
                high=float(_share(self.middles[rank] + _Z * self.spreads[rank])),
                p_best=float((draws[:, rank] == best[:, 0]).mean()),
                p_within_one=float((draws[:, rank] >= best[:, 0] - WITHIN).mean()),
            )
            for rank, name in enumerate(self.names)
        }


def expect(
    table: ForecastTable, sizes: Sizes, measures: Measures, *, strategies: Sequence[str] | None = None
) -> Expectation:
    """Return what is expected of each of ``strategies`` (default: all of the table's)."""
    names = [name for name in table.beliefs if strategies is None or name in strategies]
    x, start = table.features(sizes, measures), probe_logit(measures)
    middles = np.array([start + float(table.beliefs[name].expected(x)[0]) for name in names])
    spreads = np.array(
        [
            table.widening[name] * np.sqrt(float(table.beliefs[name].doubt(x)[0]) + table.beliefs[name].noise)
            for name in names
        ]
    )
    places = [list(table.beliefs).index(name) for name in names]
    return Expectation(tuple(names), middles, spreads, table.correlation[np.ix_(places, places)])


def forecast(
    table: ForecastTable, sizes: Sizes, measures: Measures, *, strategies: Sequence[str] | None = None
) -> dict[str, Forecast]:
    """Return the forecast of each of ``strategies`` (default: all of the table's)."""
    return expect(table, sizes, measures, strategies=strategies).forecasts()


def _draws(middles: Array, spreads: Array, correlation: Array) -> Array:
    """Return accuracies that could come of it, draws x strategies; the same at every call."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    normal = np.random.default_rng(0).standard_normal((DRAWS, len(middles)))
    return _share(middles + spreads * (normal @ root.T))


def _share(values: Any) -> Array:
    shares: Array = 1 / (1 + np.exp(-np.asarray(values, np.float64)))
    return shares
