"""How well a learning curve's slope is known, from the images that its errors were counted on. Pure."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from finetune.advice.measures.learning_curve import LearningCurve

FloatGrid = NDArray[np.float64]

_REACH = 6
_SLOPES = 401
_FLOORS = 61
_LEAST = 1e-12


def slope_interval(curve: LearningCurve, *, n_measured: int, confidence: float) -> tuple[float, float]:
    """Return the interval that holds the curve's true slope with probability ``confidence``; its ends are at least 0.

    The curve was measured on ``n_measured`` images, each error on those left out of training: e(n) is a count out
    of n_measured - n. The interval holds the slopes b with 2 (l(best) - l(b)) <= chi-squared's quantile for one
    degree of freedom, where l(b) is the binomial log-likelihood of the counts under a + b / sqrt(n), at its greatest
    over floors a >= 0 (Wilks, Ann. Math. Stat. 1938). Counts that scatter more than that are taken for fewer, by
    their overdispersion (quasi-likelihood: Wedderburn, Biometrika 1974). A true slope or floor of 0 lies on the
    border of what is allowed, where the interval covers it more often than it says (Self and Liang, JASA 1987).

    Raises ValueError for a curve of one size, or one that left no images out.
    """
    sizes = np.asarray(curve.sizes, np.float64)
    if len(set(curve.sizes)) < 2 or n_measured <= sizes.max():
        raise ValueError(f"no interval for errors of {sorted(set(curve.sizes))} out of {n_measured} images")
    asked = n_measured - sizes
    wrong = np.asarray(curve.errors) * asked
    tempered = 1 / overdispersion(curve, asked)
    slopes, likelihood = _profile(sizes, wrong * tempered, asked * tempered)
    reach = NormalDist().inv_cdf((1 + confidence) / 2)
    return _above(slopes, likelihood, float(likelihood.max()) - reach**2 / 2)


def overdispersion(curve: LearningCurve, asked: FloatGrid) -> float:
    """Return by how much the errors scatter around the curve beyond counting ``asked`` images each; at least 1.

    Pearson's chi-squared over its degrees of freedom (McCullagh and Nelder, *Generalized linear models*, 1989).
    """
    freedom = len(asked) - 2
    if freedom < 1:
        return 1.0
    fitted = np.array([curve.error(n) for n in curve.sizes])
    smoothed = (fitted * asked + 0.5) / (asked + 1)
    chi_squared = ((np.asarray(curve.errors) - fitted) ** 2 * asked / (smoothed * (1 - smoothed))).sum()
    return max(1.0, float(chi_squared) / freedom)


def _profile(sizes: FloatGrid, wrong: FloatGrid, asked: FloatGrid) -> tuple[FloatGrid, FloatGrid]:
    """Return slopes from 0 to the steepest thinkable, and the log-likelihood of each with its best floor.

    The floors tried with a slope are those that lead to an error at the smallest size as the counts there allow.
    """
    low, high = _likely(wrong[sizes == sizes.min()].sum(), asked[sizes == sizes.min()].sum())
    step = 1 / np.sqrt(sizes.min())
    slopes = np.linspace(0, high / step, _SLOPES)
    floors = np.linspace((low - slopes * step).clip(min=0), (high - slopes * step).clip(min=0), _FLOORS)
    likelihood = np.zeros_like(floors)
    for size in np.unique(sizes):
        error = (floors + slopes / np.sqrt(size)).clip(_LEAST, 1 - _LEAST)
        counted, of = wrong[sizes == size].sum(), asked[sizes == size].sum()
        likelihood += counted * np.log(error) + (of - counted) * np.log(1 - error)
    return slopes, likelihood.max(axis=0)


def _likely(wrong: float, asked: float) -> tuple[float, float]:
    """Return the least and the greatest error, in [0, 1], that ``wrong`` of ``asked`` leave thinkable."""
    centre = (wrong + 1) / (asked + 2)
    reach = _REACH * np.sqrt(centre * (1 - centre) / asked)
    return max(0.0, float(centre - reach)), min(1.0, float(centre + reach))


def _above(slopes: FloatGrid, likelihood: FloatGrid, level: float) -> tuple[float, float]:
    """Return where the ``likelihood``, which is concave, crosses ``level``, or the first or last slope."""
    inside = np.flatnonzero(likelihood >= level)
    first, last = int(inside[0]), int(inside[-1])
    low, high = float(slopes[first]), float(slopes[last])
    if first > 0:
        low = float(np.interp(level, likelihood[[first - 1, first]], slopes[[first - 1, first]]))
    if last < len(slopes) - 1:
        high = float(np.interp(level, likelihood[[last + 1, last]], slopes[[last + 1, last]]))
    return low, high
