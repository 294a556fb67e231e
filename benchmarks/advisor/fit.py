"""Fit the forecast to finished trainings, and say what it would have said of a base set that it has not seen."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from finetune.advice.evidence import READINGS, Sizes, logit, probe_logit, reached_logit, read
from finetune.advice.forecast import COVERAGE, ForecastTable, Remaining
from finetune.advice.measured import Measures
from finetune.advice.race import counting_variance
from finetune.advice.regression import Array, Belief

STRATEGIES = ("freeze-all", "multi-stage", "partial", "full-finetune", "from-scratch")
DEVIATIONS = (0.03, 0.1)
"""Of a standardised reading's weight, in logits. Wider ones (0.3, 1) were tried on the first twelve base sets: so few
cannot hold them, and the regret on sets left out rose from 0.6 to 1.4 and 2.3 points."""
NOISES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
CONSTANT_DEVIATION = 1.0
VERSION = 1
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
LEAST_VARIANCE = 0.01
LEAST_WIDENING = 0.2
LEAST_SCALE = 0.02
"""Readings that hardly differ between the trainings, such as one size of all, are not blown up."""
MOST_PER_BASE = 4.0
"""Rows of one base set tell much the same story: together they count as so many at most."""
_Z80 = 1.2815515594600038


@dataclass(frozen=True)
class Cell:
    """One data set at one size and seed: what was measured before, and what each strategy reached in the end.

    ``accuracy`` in [0, 1] on ``n_test`` images, ``seconds`` of the processor, the ``history`` of accuracies on
    ``n_val`` images and the planned ``epochs``, by strategy.
    """

    name: str
    base: str
    seed: int
    sizes: Sizes
    measures: Measures
    accuracy: dict[str, float]
    seconds: dict[str, float]
    n_test: int
    history: dict[str, list[float]]
    epochs: dict[str, int | None]
    n_val: int


@dataclass(frozen=True)
class _Data:
    """The cells as numbers: standardised features n x d, each strategy's lift over the probe, weights."""

    features: Array
    lifts: dict[str, Array]
    counts: Array
    bases: list[str]


LADDER: tuple[tuple[str, ...], ...] = (
    ("log_images", "probe"),
    ("log_images", "probe", "transfer_gain"),
    ("log_images", "probe", "stages_over_probe", "transfer_gain"),
    (
        "log_images",
        "log_classes",
        "probe",
        "stages_over_probe",
        "neighbours_over_probe",
        "transfer_gain",
        "hunger",
    ),
    tuple(READINGS),
)
"""What the forecasts may look at, few first: more is only taken where it foretells other base sets better."""


def fit(cells: Sequence[Cell], *, readings: Sequence[str] | None = None, origin: str = "") -> ForecastTable:
    """Return the table of ``cells``, of two base sets at least.

    The ``readings`` (default: one of `LADDER`), how far weights may lie from 0, and the noise are those under which
    each base set was likeliest given the others.
    """
    if readings is None:
        readings = max(LADDER, key=lambda rung: _foretold(cells, rung))
    data, centre, scale = _data_of(cells, readings)
    beliefs, left, widening = {}, {}, {}
    for name in STRATEGIES:
        prior = _likeliest(data, name)
        beliefs[name] = prior.learn(data.features, data.lifts[name], counts=data.counts)
        left[name] = _left_out(data, name, prior)
        widening[name] = max(LEAST_WIDENING, _conformal(np.abs(left[name])) / _Z80)
    residues = np.array([left[name] / max(1e-9, float(np.std(left[name]))) for name in STRATEGIES])
    correlation = np.corrcoef(residues)
    return ForecastTable(
        VERSION,
        origin,
        tuple(readings),
        centre,
        scale,
        beliefs,
        correlation,
        widening,
        n_trainings=len(cells) * len(STRATEGIES),
        epochs_shares=_epochs_shares(cells),
        remaining=_remaining(cells),
    )


def _data_of(cells: Sequence[Cell], readings: Sequence[str]) -> tuple[_Data, Array, Array]:
    """Return the cells as numbers, and the centre and scale that standardise their readings."""
    raw = np.array([read(cell.sizes, cell.measures, tuple(readings)) for cell in cells])
    centre, scale = np.nanmean(raw, axis=0), np.nanstd(raw, axis=0)
    scale[scale < LEAST_SCALE] = 1.0
    standard = np.nan_to_num((raw - centre) / scale)
    data = _Data(
        np.concatenate([np.ones((len(cells), 1)), standard], axis=1),
        {name: np.array([_lift(cell, name) for cell in cells]) for name in STRATEGIES},
        _counts(cells),
        [cell.base for cell in cells],
    )
    return data, centre, scale


def _foretold(cells: Sequence[Cell], readings: Sequence[str]) -> float:
    """Return the log-likelihood of all strategies on each base set given the others."""
    data, _, _ = _data_of(cells, readings)
    return sum(_log_likelihood(data, name, _likeliest(data, name)) for name in STRATEGIES)


def _conformal(values: Array) -> float:
    """Return the quantile that a new value stays under with the probability `COVERAGE`: the ceil((n + 1) c)-th."""
    rank = min(len(values), math.ceil((len(values) + 1) * COVERAGE))
    return float(np.sort(values)[rank - 1])


def _epochs_shares(cells: Sequence[Cell]) -> dict[str, float]:
    """Return the median share of its planned epochs that each strategy used, where it has any."""
    found = {}
    for name in STRATEGIES:
        shares = [(len(c.history[name]) - 1) / (c.epochs[name] or 1) for c in cells if c.history[name]]
        if shares:
            found[name] = round(float(np.median(shares)), 3)
    return found


def _remaining(cells: Sequence[Cell]) -> dict[str, tuple[Remaining, ...]]:
    """Return how far accuracies still go from where a training stands; `freeze-all` from the head before training."""
    found = {}
    for name in STRATEGIES:
        trained = [cell for cell in cells if cell.history[name]]
        if trained:
            found[name] = tuple(_still(trained, name, share) for share in SHARES)
    solved = [(cell.accuracy["freeze-all"], cell.history["full-finetune"][:1], cell) for cell in cells]
    found["freeze-all"] = (_spread(solved, 0.0),)
    return found


def _still(cells: Sequence[Cell], name: str, share: float) -> Remaining:
    pairs = []
    for cell in cells:
        done = max(1, round(share * (cell.epochs[name] or 1)))
        pairs.append((cell.accuracy[name], cell.history[name][: done + 1], cell))
    return _spread(pairs, share)


def _spread(pairs: Sequence[tuple[float, list[float], Cell]], share: float) -> Remaining:
    """Return the mean and deviation of final less best so far, without the noise of counting on val."""
    gaps = [logit(final, n=c.n_test) - logit(max(seen), n=c.n_val) for final, seen, c in pairs]
    noise = np.mean([counting_variance(max(seen), c.n_val) for _, seen, c in pairs])
    left = float(np.var(gaps) - noise)
    return Remaining(share, round(float(np.mean(gaps)), 4), round(max(left, LEAST_VARIANCE) ** 0.5, 4))


def _lift(cell: Cell, strategy: str) -> float:
    return reached_logit(cell.accuracy[strategy], n=cell.n_test) - probe_logit(cell.measures)


def _counts(cells: Iterable[Cell]) -> Array:
    bases = [cell.base for cell in cells]
    of_base = Counter(bases)
    return np.array([min(1.0, MOST_PER_BASE / of_base[base]) for base in bases])


def _prior(d: int, deviation: float, noise: float) -> Belief:
    deviations = np.full(d, deviation)
    deviations[0] = CONSTANT_DEVIATION
    return Belief.independent(np.zeros(d), deviations, noise=noise)


def _likeliest(data: _Data, name: str) -> Belief:
    """Return the prior under which every base set is likeliest given the others."""
    d = data.features.shape[1]
    priors = [_prior(d, deviation, noise) for deviation, noise in product(DEVIATIONS, NOISES)]
    return max(priors, key=lambda prior: _log_likelihood(data, name, prior))


def _folds(data: _Data) -> list[Array]:
    bases = np.array(data.bases)
    return [bases == base for base in dict.fromkeys(data.bases)]


def _log_likelihood(data: _Data, name: str, prior: Belief) -> float:
    total = 0.0
    for out in _folds(data):
        seen = prior.learn(data.features[~out], data.lifts[name][~out], counts=data.counts[~out])
        variance = seen.doubt(data.features[out]) + seen.noise
        missed = data.lifts[name][out] - seen.expected(data.features[out])
        total -= float((data.counts[out] * (np.log(variance) + missed**2 / variance)).sum()) / 2
    return total


def _left_out(data: _Data, name: str, prior: Belief) -> Array:
    """Return how far each cell lies from what the other base sets say of it, in standard deviations."""
    left = np.zeros(len(data.bases))
    for out in _folds(data):
        seen = prior.learn(data.features[~out], data.lifts[name][~out], counts=data.counts[~out])
        spread = np.sqrt(seen.doubt(data.features[out]) + seen.noise)
        left[out] = (data.lifts[name][out] - seen.expected(data.features[out])) / spread
    return left
