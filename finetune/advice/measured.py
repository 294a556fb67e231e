"""What was measured on a data set, as numbers: all that the advice rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from finetune.advice.measures.certainty import Certainty
from finetune.advice.measures.learning_curve import LearningCurve
from finetune.advice.similarity import TransferGain


@dataclass(frozen=True)
class Measures:
    """What was measured on ``n_images`` of a training split; accuracies lie in [0, 1].

    ``gain`` is the transfer gain, its ``accuracy_pretrained`` the probe of all stages; ``last_layer`` is that of the
    classifier's input alone, ``stages`` that of each stage alone in the network's order. ``shift`` is the early and
    late batch-norm shift at the size the weights were trained with, None without batch norm; ``certainty`` None where
    the weights bring no classifier of ImageNet's; ``curve`` None where classes are too small. ``majority`` is the
    share of the commonest class among the measured images.
    """

    n_images: int
    gain: TransferGain
    neighbours: float
    last_layer: float
    stages: tuple[tuple[str, float], ...]
    log_me: float
    h_score: float
    shift: tuple[float, float] | None
    certainty: Certainty | None
    curve: LearningCurve | None
    majority: float = 0.0

    @property
    def peak_stage(self) -> int:
        """Return the place of the best stage, 0 for the first; of equals the last."""
        scores = [score for _, score in self.stages]
        return max(range(len(scores)), key=lambda place: (scores[place], place))

    def to_json(self) -> dict[str, Any]:
        """Return every number under the names of the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Measures:
        """Return what `to_json` gave."""
        known = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        made = known | {
            "gain": TransferGain(**values["gain"]),
            "stages": tuple((name, score) for name, score in values["stages"]),
            "shift": None if values["shift"] is None else (values["shift"][0], values["shift"][1]),
            "certainty": None if values["certainty"] is None else Certainty(**values["certainty"]),
            "curve": None if values["curve"] is None else _curve(values["curve"]),
        }
        return cls(**made)


def _curve(values: Mapping[str, Any]) -> LearningCurve:
    lists = {name: tuple(values[name]) for name in ("sizes", "errors")}
    return LearningCurve(**{**values, **lists})
