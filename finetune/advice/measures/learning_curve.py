"""What more images would bring, told from how the probe's error falls with the images it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune.model.features import FloatArray

SHARES = (1 / 8, 1 / 4, 1 / 2)
DRAWS = 3
LEAST_PER_CLASS = 2


@dataclass(frozen=True)
class LearningCurve:
    """The error e(n) = ``floor`` + ``slope`` / sqrt(n) of n training images, both at least 0.

    ``sizes`` and ``errors`` are what it was fitted to; ``spread`` is the standard deviation of what is left over,
    0 of fewer than three points.
    """

    floor: float
    slope: float
    sizes: tuple[int, ...]
    errors: tuple[float, ...]
    spread: float

    def error(self, n: int) -> float:
        """Return the error, in [0, 1], that ``n`` training images lead to."""
        return float(min(1.0, self.floor + self.slope / np.sqrt(n)))

    def gain_of_doubling(self, n: int) -> float:
        """Return by how much the accuracy would rise from ``n`` images to 2 ``n``: the data hunger h."""
        return self.error(n) - self.error(2 * n)


def fit_curve(sizes: Sequence[int], errors: Sequence[float]) -> LearningCurve:
    """Fit the curve by least squares with both terms at least 0, each error weighing as its images.

    The exponent of one half is that of a bounded estimator's variance; Hestness et al., *Deep learning scaling is
    predictable, empirically* (2017) find 0.35 to 0.5 for classifiers. Two points or more are needed.
    """
    from scipy.optimize import nnls

    n = np.asarray(sizes, np.float64)
    weights = np.sqrt(n / n.sum())
    columns = np.stack([np.ones_like(n), 1 / np.sqrt(n)], axis=1)
    (floor, slope), _ = nnls(columns * weights[:, None], np.asarray(errors) * weights)
    left = np.asarray(errors) - columns @ (floor, slope)
    spread = float(np.sqrt((left**2).sum() / (len(n) - 2))) if len(n) > 2 else 0.0
    return LearningCurve(float(floor), float(slope), tuple(sizes), tuple(errors), spread)


def learning_curve(features: FloatArray, labels: NDArray[np.str_], *, seed: int) -> LearningCurve | None:
    """Fit the curve of a ridge probe to an eighth, a quarter and a half of ``features`` (n x d), three draws each.

    Every draw has each class in its share, two images at least, and is asked about the images left out. None where
    the classes are too small for two sizes.
    """
    sizes, errors = [], []
    for share in SHARES:
        for draw in range(DRAWS):
            chosen = _draw(labels, share, np.random.default_rng([seed, draw]))
            if chosen is None:
                continue
            sizes.append(len(chosen))
            errors.append(_error(features, labels, chosen))
    return fit_curve(sizes, errors) if len(set(sizes)) > 1 else None


def _draw(labels: NDArray[np.str_], share: float, random: np.random.Generator) -> NDArray[np.int64] | None:
    chosen: list[int] = []
    for name in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == name))
        count = round(share * len(rows))
        if count < LEAST_PER_CLASS or count == len(rows):
            return None
        chosen += rows[:count].tolist()
    return np.array(sorted(chosen))


def _error(features: FloatArray, labels: NDArray[np.str_], chosen: NDArray[np.int64]) -> float:
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 5, 7)))
    probe.fit(features[chosen], labels[chosen])
    others = np.setdiff1d(np.arange(len(labels)), chosen)
    return float(1 - probe.score(features[others], labels[others]))
