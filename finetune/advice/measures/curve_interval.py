"""How well a learning curve's slope is known, from the images that its errors were counted on. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finetune.advice.measures.learning_curve import LearningCurve

FloatGrid = NDArray[np.float64]

_REACH = 6
_LEVELS = 121
_SLANTS = 201
_LEAST = 1e-12


def slope_interval(curve: LearningCurve, *, n_measured: int, confidence: float) -> tuple[float, float]:
    """Return the shortest interval that holds the curve's true slope with probability ``confidence``.

    The curve was measured on ``n_measured`` images, each error on those left out of training: e(n) is a count out
    of n_measured - n. The posterior of a + b / sqrt(n) with a, b >= 0 and a flat prior is worked out on a grid, under
    the counts' binomial likelihood, tempered by their overdispersion where they scatter more than counts do
    (quasi-likelihood: Wedderburn, Biometrika 1974). The shortest interval, not the one of equal tails, since a slope
    of 0 lies on the border and would never be covered by the latter (Roe and Woodroofe, Phys. Rev. D 1999).

    Raises ValueError for a curve of one size, or one that left no images out.
    """
    sizes = np.asarray(curve.sizes, np.float64)
    if len(set(curve.sizes)) < 2 or n_measured <= sizes.max():
        raise ValueError(f"no interval for errors of {sorted(set(curve.sizes))} out of {n_measured} images")
    asked = n_measured - sizes
    wrong = np.asarray(curve.errors) * asked
    tempered = 1 / overdispersion(curve, asked)
    slopes, weights = _posterior(sizes, wrong * tempered, asked * tempered)
    return shortest(slopes, weights, confidence)


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


def _posterior(sizes: FloatGrid, wrong: FloatGrid, asked: FloatGrid) -> tuple[FloatGrid, FloatGrid]:
    """Return the slopes of a grid of curves and the probability of each.

    A curve is told by its error u at the smallest size and by how far its error at the largest lies between
    u sqrt(smallest / largest), where its floor is 0 (slant 0), and u, where its slope is 0 (slant 1).
    """
    low, high = float(sizes.min()), float(sizes.max())
    levels = _levels(wrong[sizes == low].sum(), asked[sizes == low].sum())[:, None]
    slants = np.linspace(0, 1, _SLANTS)[None, :]
    fall = levels * (1 - np.sqrt(low / high)) * (1 - slants)  # from the smallest size to the largest
    slopes = fall / (1 / np.sqrt(low) - 1 / np.sqrt(high))
    evidence = np.zeros_like(slopes)
    for size in np.unique(sizes):
        error = levels - slopes * (1 / np.sqrt(low) - 1 / np.sqrt(size))
        error = error.clip(_LEAST, 1 - _LEAST)
        counted, of = wrong[sizes == size].sum(), asked[sizes == size].sum()
        evidence += counted * np.log(error) + (of - counted) * np.log(1 - error)
    # Flat in floor and slope: the area of a cell grows with the level. The first and last slants are half cells.
    weights = np.exp(evidence - evidence.max()) * levels
    weights[:, [0, -1]] /= 2
    return slopes.ravel(), (weights / weights.sum()).ravel()


def _levels(wrong: float, asked: float) -> FloatGrid:
    """Return errors at the smallest size, in [0, 1], as far as the counts there leave them likely."""
    centre = (wrong + 1) / (asked + 2)
    reach = _REACH * np.sqrt(centre * (1 - centre) / asked)
    return np.linspace(max(0.0, centre - reach), min(1.0, centre + reach), _LEVELS)


def shortest(values: FloatGrid, weights: FloatGrid, mass: float) -> tuple[float, float]:
    """Return the ends of the shortest interval of ``values`` whose ``weights``, of sum 1, come to ``mass``."""
    order = np.argsort(values)
    ordered, until = values[order], np.cumsum(weights[order])
    before = until - weights[order]
    starts = np.flatnonzero(before + mass <= until[-1])
    ends = np.searchsorted(until, before[starts] + mass - _LEAST)
    ends = ends.clip(max=len(ordered) - 1)
    best = int(np.argmin(ordered[ends] - ordered[starts]))
    return float(ordered[starts[best]]), float(ordered[ends[best]])
