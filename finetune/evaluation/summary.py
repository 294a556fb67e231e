"""All that a report says of a test set: figures, calibration, confusion in order, gallery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from finetune.evaluation.calibration import Calibration, Reliability, judge, reliability
from finetune.evaluation.confusion_order import Confused, confusion_order, most_confused
from finetune.evaluation.gallery import Gallery, choose
from finetune.evaluation.metrics import Metrics, measure, softmax
from finetune.evaluation.predictions import Predictions
from finetune.evaluation.scoring import Figures, score


@dataclass(frozen=True)
class Summary:
    """``metrics`` and ``figures`` are of the classifier as it is; ``calibration`` changes no label.

    ``order`` are the classes as a confusion matrix should show them. ``crossed``: the temperature was fitted on the
    judged images, each of which was judged at one fitted without it.
    """

    metrics: Metrics
    figures: Figures
    calibration: Calibration
    reliability: dict[str, list[Reliability]]
    order: list[int]
    confused: list[Confused]
    gallery: Gallery
    crossed: bool

    def to_json(self) -> dict[str, Any]:
        """Return the report's parts beside those of `Metrics`, under stable keys."""
        return {
            **self.figures.to_json(),
            "confusion_order": self.order,
            "most_confused": [pair.to_json() for pair in self.confused],
            "calibration": {
                **self.calibration.to_json(),
                "crossed": self.crossed,
                "reliability": self.reliability,
            },
            "gallery": self.gallery.to_json(),
        }


def summarise(
    predictions: Predictions, calibration: Calibration, *, seed: int = 0, own_images: bool = False
) -> Summary:
    """Sum up what was said of at least one image.

    ``own_images``: ``calibration`` was fitted on these same images.
    """
    raw = softmax(predictions.logits)
    metrics = measure(raw, predictions.targets)
    judged, after = judge(calibration, predictions.logits, predictions.targets, own_images=own_images)
    return Summary(
        metrics=metrics,
        figures=score(raw, predictions.targets, predictions.class_names, seed=seed),
        calibration=judged,
        reliability={
            "before": reliability(raw, predictions.targets),
            "after": reliability(after, predictions.targets),
        },
        order=confusion_order(np.array(metrics.confusion)),
        confused=most_confused(metrics.confusion, predictions.class_names),
        gallery=choose(predictions, calibration),
        crossed=own_images and calibration.fitted_on != "none",
    )
