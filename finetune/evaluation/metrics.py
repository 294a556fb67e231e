"""Scores of predictions against the truth, with the interval that a set of this size allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
Targets = NDArray[np.int64]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Metrics:
    """Scores of n >= 1 predictions; every score lies in [0, 1] but ``log_loss`` (nats, >= 0).

    ``accuracy_interval`` is the 95 % Wilson interval. ``confusion[i][j]`` counts images of class i (the truth)
    that were called j. ``majority_accuracy`` is the score of always naming the commonest class.
    """

    n_images: int
    n_correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    macro_f1: float
    log_loss: float
    majority_accuracy: float
    confusion: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Metrics:
        """Return the scores among ``values``, where they lie under the names of the fields."""
        confusion = tuple(tuple(row) for row in values["confusion"])
        low, high = values["accuracy_interval"]
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        n_images = sum(map(sum, confusion))
        return cls(**known | {"confusion": confusion, "accuracy_interval": (low, high), "n_images": n_images})


def measure(probabilities: Probabilities, targets: Targets) -> Metrics:
    """Score ``probabilities`` n x K (rows sum to 1) against ``targets`` n in [0, K).

    Balanced accuracy and macro F1 run over the classes that occur in ``targets``.
    """
    from sklearn.metrics import confusion_matrix, f1_score, log_loss, recall_score

    n_images, n_classes = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    n_correct = int((predicted == targets).sum())
    present = np.unique(targets)
    labels = np.arange(n_classes)
    return Metrics(
        n_images=n_images,
        n_correct=n_correct,
        accuracy=n_correct / n_images,
        accuracy_interval=wilson_interval(n_correct, n_images),
        balanced_accuracy=float(recall_score(targets, predicted, labels=present, average="macro")),
        macro_f1=float(f1_score(targets, predicted, labels=present, average="macro", zero_division=0)),
        log_loss=float(log_loss(targets, probabilities, labels=labels)) if n_classes > 1 else 0.0,
        majority_accuracy=float(np.bincount(targets).max() / n_images),
        confusion=tuple(
            tuple(int(n) for n in row) for row in confusion_matrix(targets, predicted, labels=labels)
        ),
    )


def wilson_interval(n_correct: int, n_images: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion (Wilson, JASA 1927)."""
    from scipy.stats import binomtest

    interval = binomtest(n_correct, n_images).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def softmax(logits: NDArray[np.floating[Any]]) -> Probabilities:
    """Return n x K probabilities of n x K logits, in float64."""
    from scipy.special import softmax as scipy_softmax

    probabilities: Probabilities = scipy_softmax(logits.astype(np.float64), axis=1)
    return probabilities
