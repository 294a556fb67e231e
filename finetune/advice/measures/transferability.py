"""Scores of how well features and labels go together, without training: LogME and the shrunk H-score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finetune.model.features import FloatArray

_ROUNDS = 100
_TOLERANCE = 1e-6
_LEAST = 1e-12


def log_me(features: FloatArray, labels: NDArray[np.str_]) -> float:
    """Return the logarithm of the maximum evidence per image, averaged over the classes one against the rest.

    ``features`` F is n x d. For each class's 0/1 vector y the evidence p(y | F) of Bayesian linear regression with
    weight precision a and noise precision b is maximised over both by MacKay's fixed point: with G the effective
    number of weights, a = G / |m|^2 and b = (n - G) / |F m - y|^2 (You, Liu, Wang and Long, *LogME: practical
    assessment of pre-trained models for transfer learning*, ICML 2021). Higher is better; there is no zero.
    """
    values = features.astype(np.float64)
    left, singular, _ = np.linalg.svd(values, full_matrices=False)
    scores = [
        _evidence(left, singular**2, (labels == name).astype(np.float64), values.shape[1])
        for name in np.unique(labels)
    ]
    return float(np.mean(scores))


def _evidence(
    left: NDArray[np.float64], squares: NDArray[np.float64], y: NDArray[np.float64], d: int
) -> float:
    """Return the greatest evidence per row of ``y``; ``left`` and ``squares`` are the features' U and S^2."""
    n = len(y)
    along = (left.T @ y) ** 2
    outside = max(float(y @ y - along.sum()), 0.0)
    a = b = 1.0
    for _ in range(_ROUNDS):
        kept = a + b * squares
        weights = float((b**2 * squares * along / kept**2).sum())
        residue = float((a**2 * along / kept**2).sum()) + outside
        effective = float((b * squares / kept).sum())
        new_a, new_b = effective / max(weights, _LEAST), (n - effective) / max(residue, _LEAST)
        settled = abs(new_a / new_b - a / b) <= _TOLERANCE * a / b
        a, b = new_a, new_b
        if settled:
            break
    kept = a + b * squares
    weights = float((b**2 * squares * along / kept**2).sum())
    residue = float((a**2 * along / kept**2).sum()) + outside
    determinant = float(np.log(kept).sum()) + (d - len(squares)) * np.log(a)
    total = n * np.log(b) + d * np.log(a) - n * np.log(2 * np.pi) - b * residue - a * weights - determinant
    return float(total / 2 / n)


def h_score(features: FloatArray, labels: NDArray[np.str_]) -> float:
    """Return the shrinkage-based H-score of ``features``, n x d: how much of their variance lies between classes.

    H = (1 - s) tr(C^-1 B), with B the covariance of the class means, each weighing as its images, and
    C = (1 - s) cov(f) + s tr(cov(f))/d I of Ledoit and Wolf's shrinkage s (Ibrahim, Ponomareva and Mazumder, *Newer
    is not always better: rethinking transferability metrics, their peculiarities, stability and performance*, ECML
    2022; Bao et al., ICIP 2019). It lies in [0, K - 1], the higher the better; features that are all alike have 0.
    """
    from sklearn.covariance import ledoit_wolf

    values = features.astype(np.float64)
    values -= values.mean(axis=0)
    covariance, shrinkage = ledoit_wolf(values, assume_centered=True)
    means = np.zeros_like(values)
    for name in np.unique(labels):
        means[labels == name] = values[labels == name].mean(axis=0)
    between = means.T @ means / len(values)
    return float((1 - shrinkage) * np.trace(np.linalg.pinv(covariance, hermitian=True) @ between))
