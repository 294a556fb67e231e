"""Two classifiers judged on the same images: by how much they differ, and whether that can be chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from finetune.evaluation.metrics import CONFIDENCE

Hits = NDArray[np.bool_]
"""Of each image, whether it was named rightly."""

_QUANTILE = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class Paired:
    """Two classifiers on the same ``n_images`` >= 1; the counts are of images that one alone is right about."""

    n_images: int
    only_first: int
    only_second: int

    @property
    def difference(self) -> float:
        """Return the second's accuracy less the first's, in [-1, 1]."""
        return (self.only_second - self.only_first) / self.n_images

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the difference, within [-1, 1].

        Wald's with half an image added to each of the four cells of the table of both (Agresti and Min, *Simple
        improved confidence intervals for comparing matched proportions*, Statistics in Medicine 2005).
        """
        n, first, second = self.n_images + 2, self.only_first + 0.5, self.only_second + 0.5
        middle = (second - first) / n
        reach = _QUANTILE * math.sqrt(first + second - (second - first) ** 2 / n) / n
        return max(-1.0, middle - reach), min(1.0, middle + reach)

    @property
    def p_value(self) -> float:
        """Return the two-sided p value of McNemar's exact test, in (0, 1], of the two being equally often right.

        Where just one of the two is right it is then either as probably: the smaller count is binomial with one half
        (McNemar, Psychometrika 1947).
        """
        from scipy.stats import binomtest

        differing = self.only_first + self.only_second
        return float(binomtest(self.only_first, differing).pvalue) if differing else 1.0


def compare(first: Hits, second: Hits) -> Paired:
    """Compare two classifiers by what each got right of the same n images, in one order."""
    if first.shape != second.shape:
        raise ValueError(f"not the same images: {first.shape} and {second.shape}")
    return Paired(len(first), int((first & ~second).sum()), int((second & ~first).sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return ``p_values``, in [0, 1] and in any order, adjusted for being so many, in that order.

    Those that are then below 1 - `CONFIDENCE` hold together with that confidence, however the tests hang together
    (Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of Statistics 1979).
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def is_significant(p_value: float) -> bool:
    """Return whether ``p_value`` rules chance out with the confidence of the intervals."""
    return p_value < 1 - CONFIDENCE
