"""What k folds say together: the mean of their scores and an interval that knows that folds share images."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from finetune.evaluation.metrics import CONFIDENCE


@dataclass(frozen=True)
class FoldScore:
    """The scores, in [0, 1], of one fold's ``n_images`` by a classifier trained on the other folds."""

    n_images: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class CrossValidation:
    """Two folds or more; ``n_left_out`` images could not be judged, as their class has no others."""

    folds: tuple[FoldScore, ...]
    n_left_out: int = 0

    @property
    def n_images(self) -> int:
        """Images judged, each once."""
        return sum(fold.n_images for fold in self.folds)

    def to_json(self) -> dict[str, Any]:
        """Return means, 95 % intervals and the folds under stable keys."""
        accuracies, f1s = self._scores()
        return {
            "n_folds": len(self.folds),
            "n_images": self.n_images,
            "n_left_out": self.n_left_out,
            "accuracy": statistics.mean(accuracies),
            "accuracy_interval": list(corrected_interval(accuracies)),
            "macro_f1": statistics.mean(f1s),
            "macro_f1_interval": list(corrected_interval(f1s)),
            "folds": [asdict(fold) for fold in self.folds],
        }

    def sentence(self) -> str:
        """Return the result in one sentence."""
        accuracies, f1s = self._scores()
        mean, (low, high) = statistics.mean(accuracies), corrected_interval(accuracies)
        f1_low, f1_high = corrected_interval(f1s)
        left_out = (
            f"; {self.n_left_out} images have none of their class to learn from" if self.n_left_out else ""
        )
        return (
            f"{len(self.folds)} folds of {self.n_images:,} images: accuracy {100 * mean:.1f} % "
            f"(95 % interval {100 * low:.1f} to {100 * high:.1f}), macro F1 {statistics.mean(f1s):.3f} "
            f"({f1_low:.3f} to {f1_high:.3f}){left_out}"
        )

    def _scores(self) -> tuple[list[float], list[float]]:
        return [fold.accuracy for fold in self.folds], [fold.macro_f1 for fold in self.folds]


def corrected_interval(scores: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval, within [0, 1], of the mean of K >= 2 folds' scores.

    The corrected resampled t interval (Nadeau and Bengio, Machine Learning 2003): the folds' variance s² counts as
    (1/K + 1/(K - 1)) s² rather than s²/K, since any two folds' classifiers share most of their training images.
    """
    from scipy.stats import t

    n = len(scores)
    deviation = math.sqrt((1 / n + 1 / (n - 1)) * statistics.variance(scores))
    reach = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * deviation
    mean = statistics.mean(scores)
    return max(0.0, mean - reach), min(1.0, mean + reach)
