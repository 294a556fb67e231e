"""The figures of a report: every score of a test set with its bootstrap interval, in all and class by class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finetune.evaluation.bootstrap import (
    TOP_K,
    Judged,
    Scores,
    count_resamples,
    opened,
    percentiles,
    resampled,
    scores_of,
)
from finetune.evaluation.metrics import Probabilities, Targets

OVERALL = ("accuracy", "balanced_accuracy", "macro_f1", "top_k", "log_loss")
OF_CLASSES = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Figure:
    """A score with its 95 % interval; all three are None where no image decides it."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, value: float, low: float, high: float) -> Figure:
        """Return the figure, without numbers where one of them is nan."""
        if any(map(math.isnan, (value, low, high))):
            return cls(None, None, None)
        return cls(value, low, high)

    def to_json(self) -> dict[str, Any]:
        """Return ``value`` and ``interval``."""
        return {"value": self.value, "interval": None if self.low is None else [self.low, self.high]}


@dataclass(frozen=True)
class ClassFigures:
    """The scores of one class, ``support`` images of which were judged.

    Precision has no value for a class that nothing was called, recall none without images, F1 none where both lack.
    """

    name: str
    support: int
    precision: Figure
    recall: Figure
    f1: Figure

    def to_json(self) -> dict[str, Any]:
        """Return name, support and the three scores, each beside its interval."""
        found: dict[str, Any] = {"class": self.name, "support": self.support}
        for score in OF_CLASSES:
            figure: Figure = getattr(self, score)
            found[score] = figure.value
            found[f"{score}_interval"] = figure.to_json()["interval"]
        return found


@dataclass(frozen=True)
class Figures:
    """All scores of ``n_images``, by the names in `OVERALL`, and those of each class in index order.

    ``top_k`` is there for more than `TOP_K` classes. Balanced accuracy and macro F1 run over the classes that occur
    among the images. Accuracies, F1, precision and recall lie in [0, 1]; the log loss is in nats.
    """

    n_images: int
    n_resamples: int
    seed: int
    overall: dict[str, Figure]
    classes: tuple[ClassFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report's parts ``figures``, ``per_class`` and ``bootstrap``."""
        figures = {name: figure.to_json() for name, figure in self.overall.items()}
        if "top_k" in figures:
            figures["top_k"]["k"] = TOP_K
        return {
            "figures": figures,
            "per_class": [each.to_json() for each in self.classes],
            "bootstrap": {"resamples": self.n_resamples, "seed": self.seed, "confidence": 0.95},
        }


def score(
    probabilities: Probabilities, targets: Targets, class_names: Sequence[str], *, seed: int = 0
) -> Figures:
    """Score ``probabilities`` n x K (rows sum to 1) against ``targets`` n in [0, K), n >= 1."""
    judged = Judged.of(probabilities, targets)
    values, drawn = scores_of(judged), resampled(judged, seed=seed)
    overall = {name: _figure(name, values, drawn, judged) for name in OVERALL}
    if judged.n_classes <= TOP_K:
        del overall["top_k"]
    return Figures(
        n_images=judged.n_images,
        n_resamples=count_resamples(judged.n_images),
        seed=seed,
        overall=overall,
        classes=_of_classes(values, drawn, judged, class_names),
    )


def _figure(name: str, values: Scores, drawn: Scores, judged: Judged) -> Figure:
    value = float(getattr(values, name)[0])
    low, high = (float(end) for end in percentiles(getattr(drawn, name)))
    if name != "log_loss":
        low, high = opened(value, low, high, judged.n_images)
    return Figure.of(value, low, high)


def _of_classes(
    values: Scores, drawn: Scores, judged: Judged, class_names: Sequence[str]
) -> tuple[ClassFigures, ...]:
    support = np.bincount(judged.targets, minlength=judged.n_classes)
    calls = np.bincount(judged.called, minlength=judged.n_classes)
    decisive = {"precision": calls, "recall": support, "f1": np.maximum(support, calls)}
    columns: dict[str, list[Figure]] = {}
    for name in OF_CLASSES:
        lows, highs = percentiles(getattr(drawn, name))
        columns[name] = [
            Figure.of(float(value), *opened(float(value), float(low), float(high), int(n)))
            for value, low, high, n in zip(getattr(values, name)[0], lows, highs, decisive[name], strict=True)
        ]
    return tuple(
        ClassFigures(name, int(support[rank]), *(columns[score][rank] for score in OF_CLASSES))
        for rank, name in enumerate(class_names)
    )
