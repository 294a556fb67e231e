"""Bayesian linear regression: what earlier trainings say of a new one, and how sure they are of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Belief:
    """Weights w of d features, normally distributed with ``mean`` d and ``covariance`` d x d.

    An observation is y = x . w + noise of variance ``noise``, which is known: so that what is learnt from one
    observation after the other is what is learnt from all at once (Bishop, *Pattern recognition and machine
    learning*, 2006, equations 3.50, 3.51 and 3.58).
    """

    mean: Array
    covariance: Array
    noise: float

    @classmethod
    def independent(cls, mean: Array, deviations: Array, *, noise: float) -> Belief:
        """Return a belief in weights that know nothing of each other, with standard ``deviations`` d."""
        return cls(np.asarray(mean, np.float64), np.diag(np.asarray(deviations, np.float64) ** 2), noise)

    def learn(self, features: Array, values: Array, *, counts: Array | None = None) -> Belief:
        """Return the belief after n observations: ``features`` n x d, ``values`` n.

        ``counts`` n says as how many observations each counts: a share below 1 where several tell the same story.
        """
        weights = np.ones(len(values)) if counts is None else np.asarray(counts, np.float64)
        weighted = features * weights[:, None]
        prior = np.linalg.inv(self.covariance)
        covariance = np.linalg.inv(prior + weighted.T @ features / self.noise)
        covariance = (covariance + covariance.T) / 2
        mean = covariance @ (prior @ self.mean + weighted.T @ values / self.noise)
        return Belief(mean, covariance, self.noise)

    def expected(self, features: Array) -> Array:
        """Return the expected values, n, of ``features`` n x d."""
        expected: Array = features @ self.mean
        return expected

    def doubt(self, features: Array) -> Array:
        """Return the variance, n, of the expected values of ``features`` n x d; that of the noise is not in it."""
        doubt: Array = np.einsum("nd,de,ne->n", features, self.covariance, features)
        return doubt

    def to_json(self) -> dict[str, Any]:
        """Return the three under their names, as lists and a number."""
        return {"mean": self.mean.tolist(), "covariance": self.covariance.tolist(), "noise": self.noise}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Belief:
        """Return what `to_json` gave."""
        return cls(
            np.array(values["mean"], np.float64),
            np.array(values["covariance"], np.float64),
            float(values["noise"]),
        )
