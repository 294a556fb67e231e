"""The images of a test set that are worth a look: the surest mistakes, and the hits that were nearly missed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from finetune.evaluation.calibration import UNCALIBRATED, Calibration
from finetune.evaluation.predictions import Predictions

MOST_EACH = 12


@dataclass(frozen=True)
class Shown:
    """One image by its place among those judged, with its class, what it was called, and both probabilities."""

    place: int
    name: str
    label: str
    called: str
    probability: float
    probability_of_label: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields but the place."""
        return {name: value for name, value in asdict(self).items() if name != "place"}


@dataclass(frozen=True)
class Gallery:
    """The most confident ``mistakes`` and the least certain ``hits``, the most telling first."""

    mistakes: tuple[Shown, ...]
    hits: tuple[Shown, ...]

    def to_json(self) -> dict[str, Any]:
        """Return both lists."""
        return {
            "confident_mistakes": [each.to_json() for each in self.mistakes],
            "uncertain_hits": [each.to_json() for each in self.hits],
        }


def choose(
    predictions: Predictions, calibration: Calibration = UNCALIBRATED, *, most: int = MOST_EACH
) -> Gallery:
    """Return at most ``most`` images of each kind, by their calibrated probabilities."""
    probabilities = predictions.probabilities(calibration)
    confidence, hits = probabilities.max(axis=1), predictions.hits

    def shown(places: Iterable[int]) -> tuple[Shown, ...]:
        classes = predictions.class_names
        return tuple(
            Shown(
                place=int(place),
                name=predictions.names[place],
                label=classes[predictions.targets[place]],
                called=classes[predictions.called[place]],
                probability=float(confidence[place]),
                probability_of_label=float(probabilities[place, predictions.targets[place]]),
            )
            for place in places
        )

    by_confidence = np.argsort(confidence, kind="stable")
    surest_first, least_first = by_confidence[::-1], by_confidence
    return Gallery(
        mistakes=shown(surest_first[~hits[surest_first]][:most]),
        hits=shown(least_first[hits[least_first]][:most]),
    )
