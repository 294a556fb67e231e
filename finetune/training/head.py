"""Solve a linear classifier on fixed features, its regularisation chosen by cross-validation on them alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from finetune.model.features import FloatArray

# Inverse strengths C for scikit-learn's logistic regression on standardised features, strongest first.
INVERSE_STRENGTHS = tuple(10.0**exponent for exponent in (-4, -3, -2, -1, 0, 1))
FOLDS = 5
# With few images a class the choice is left at a strength that suits standardised deep features.
FALLBACK = 1e-2
# Beyond this many images the choice of strength is stable: cross-validate on a part, then fit on all.
MOST_FOR_CHOICE = 3_000


@dataclass(frozen=True)
class SolvedHead:
    """A linear classifier: ``weight`` K x d and ``bias`` K in float32.

    ``inverse_strength`` is the chosen C. ``path`` holds (C, cross-validated log loss in nats), empty when the
    smallest class has a single image and nothing could be cross-validated.
    """

    weight: FloatArray
    bias: FloatArray
    inverse_strength: float
    path: tuple[tuple[float, float], ...]

    def install(self, classifier: nn.Linear) -> None:
        """Copy the solution into ``classifier``."""
        with torch.no_grad():
            classifier.weight.copy_(torch.from_numpy(self.weight))
            classifier.bias.copy_(torch.from_numpy(self.bias))

    def logits(self, features: FloatArray) -> FloatArray:
        """Return n x K logits of n x d ``features``."""
        return features @ self.weight.T + self.bias


def solve_head(
    features: FloatArray,
    targets: NDArray[np.int64],
    *,
    n_classes: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> SolvedHead:
    """Fit L2-regularised multinomial logistic regression to ``features`` n x d and ``targets`` n in [0, K).

    Features are standardised and rotated onto their own span first (the solution is the same, the work is less
    when n < d); the result is expressed for the raw features. ``progress`` gets (done, total) fits.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    std = features.std(axis=0, dtype=np.float64) + 1e-6
    rotated, rotation = _rotate((features - mean) / std)
    path = _cross_validate(rotated, targets, seed=seed, progress=progress)
    chosen = min(path, key=lambda point: point[1])[0] if path else FALLBACK
    weight, bias = _fit(rotated, targets, chosen, n_classes=n_classes)
    weight = weight @ rotation / std
    bias = bias - weight @ mean
    return SolvedHead(weight.astype(np.float32), bias.astype(np.float32), chosen, path)


def _rotate(standardised: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coordinates n x r in the rows' span and the r x d basis, r = min(n, d).

    An L2-penalised solution lies in the span of the rows, and a rotation leaves its norm as it is.
    """
    n_images, n_features = standardised.shape
    if n_images >= n_features:
        return standardised, np.eye(n_features)
    left, singular, basis = np.linalg.svd(standardised, full_matrices=False)
    return left * singular, basis


def _cross_validate(
    features: NDArray[np.floating[Any]],
    targets: NDArray[np.int64],
    *,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[tuple[float, float], ...]:
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold

    rows = _part(targets, seed)
    # Single precision halves the time, and only ranks the strengths; the chosen one is fitted in double.
    features, targets = features[rows].astype(np.float32), targets[rows]
    smallest = int(np.unique(targets, return_counts=True)[1].min())
    if smallest < 2:
        return ()
    folds = list(
        StratifiedKFold(min(FOLDS, smallest), shuffle=True, random_state=seed).split(features, targets)
    )
    labels = np.unique(targets)
    path = []
    for rank, strength in enumerate(INVERSE_STRENGTHS):
        losses = []
        for train, held_out in folds:
            model = _logistic(features[train], targets[train], strength)
            losses.append(log_loss(targets[held_out], model.predict_proba(features[held_out]), labels=labels))
        path.append((strength, float(np.mean(losses))))
        if progress is not None:
            progress(rank + 1, len(INVERSE_STRENGTHS))
        if _past_the_best(path):
            break
    return tuple(path)


def _past_the_best(path: list[tuple[float, float]]) -> bool:
    """Weaker regularisation only gets slower and worse once the loss has risen twice in a row."""
    losses = [loss for _, loss in path]
    return len(losses) >= 3 and losses[-1] > losses[-2] > losses[-3]


def _part(targets: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return all rows, or a stratified `MOST_FOR_CHOICE` of them."""
    rows = np.arange(len(targets))
    if len(rows) <= MOST_FOR_CHOICE:
        return rows
    from sklearn.model_selection import train_test_split

    counts = np.unique(targets, return_counts=True)[1]
    stratify = targets if counts.min() >= 2 and len(counts) <= MOST_FOR_CHOICE // 2 else None
    part, _ = train_test_split(rows, train_size=MOST_FOR_CHOICE, random_state=seed, stratify=stratify)
    return np.sort(part)


def _logistic(  # type: ignore[no-untyped-def]
    features: NDArray[np.floating[Any]], targets: NDArray[np.int64], inverse_strength: float
):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # An unfinished L-BFGS run is only slightly off its optimum; the cross-validated loss judges it as it is.
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        # An image or two a class is few, and is told elsewhere; it is classification all the same.
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        return LogisticRegression(C=inverse_strength, max_iter=200).fit(features, targets)


def _fit(
    features: NDArray[np.float64], targets: NDArray[np.int64], inverse_strength: float, *, n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return K x r weights and K biases; a class without a row gets a bias that rules it out."""
    model = _logistic(features, targets, inverse_strength)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes: spread it over both
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2])
        intercepts = np.concatenate([-intercepts / 2, intercepts / 2])
    weight = np.zeros((n_classes, features.shape[1]))
    bias = np.full(n_classes, -30.0)
    weight[model.classes_], bias[model.classes_] = coefficients, intercepts
    return weight, bias
