"""Standardise features and turn them onto their principal axes, where a linear problem is easily solved.

An L2-penalised linear solution is the same on the axes as before: the turn changes no norm, and no solution
has a part outside the span of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetune.model.features import FloatArray

MOST_IN_DOUBLE = 20_000_000
"""Numbers above which single precision is used: it is exact to the fifth digit, in half the memory."""

MOST_AXES = 2_048
"""Beyond this many axes finding them takes longer than it saves; the features stay as they are."""

_CHUNK_ROWS = 4_096
_LEAST_VARIANCE = 1e-10
_LEAST_STD = 1e-6


@dataclass(frozen=True)
class Axes:
    """``coordinates`` n x r of the n rows; ``basis`` r x d or None for no turn; ``mean`` and ``std``, d each."""

    coordinates: Tensor
    basis: NDArray[np.float64] | None
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def for_raw(
        self, weight: NDArray[np.float64], bias: NDArray[np.float64]
    ) -> tuple[FloatArray, FloatArray]:
        """Return K x d weights and K biases for raw features from those, K x r, for the coordinates."""
        turned = (weight if self.basis is None else weight @ self.basis) / self.std
        return turned.astype(np.float32), (bias - turned @ self.mean).astype(np.float32)


def turn(features: FloatArray) -> Axes:
    """Return ``features``, n x d, on their axes: r = min(n, d) of them at most."""
    mean = features.mean(axis=0, dtype=np.float64)
    std = features.std(axis=0, dtype=np.float64) + _LEAST_STD
    rows = _standardised(features, mean, std)
    n_images, n_features = rows.shape
    if min(n_images, n_features) > MOST_AXES:
        return Axes(rows, None, mean, std)
    if n_images < n_features:
        variances, left = torch.linalg.eigh(rows @ rows.T)
        kept = variances > _LEAST_VARIANCE * variances[-1]
        roots, left = variances[kept].sqrt(), left[:, kept]
        return Axes(left * roots, ((left.T @ rows) / roots[:, None]).numpy(), mean, std)
    _, basis = torch.linalg.eigh(_gram(rows))
    for chunk in torch.split(rows, _CHUNK_ROWS):  # in place: the rows may fill half of the memory
        chunk.copy_(chunk @ basis.to(rows.dtype))
    return Axes(rows, basis.T.numpy(), mean, std)


def _standardised(features: FloatArray, mean: NDArray[np.float64], std: NDArray[np.float64]) -> Tensor:
    is_small = features.size <= MOST_IN_DOUBLE
    rows = torch.empty(features.shape, dtype=torch.float64 if is_small else torch.float32)
    for start in range(0, len(features), _CHUNK_ROWS):
        chunk = slice(start, start + _CHUNK_ROWS)
        rows[chunk] = torch.from_numpy((features[chunk] - mean) / std)
    return rows


def _gram(rows: Tensor) -> Tensor:
    """Return d x d sums of products in double precision."""
    total = torch.zeros(rows.shape[1], rows.shape[1], dtype=torch.float64)
    for chunk in torch.split(rows, _CHUNK_ROWS):
        total += chunk.T @ chunk
    return total
