"""What is known before training: checked images in parts, the backbone and its weights, the advice."""

from __future__ import annotations

from dataclasses import dataclass

from finetune.advice.advise import Advice
from finetune.data.corrections import Correction
from finetune.data.health import HealthReport
from finetune.data.split import Split
from finetune.model.backbones import Backbone
from finetune.model.weights import WeightsRecord


@dataclass(frozen=True)
class Prepared:
    """Checked images in three parts, the backbone with its weights, and the advice if it was asked for."""

    where: str
    health: HealthReport
    split: Split
    backbone: Backbone
    weights: WeightsRecord
    advice: Advice | None
    corrections: tuple[Correction, ...] = ()

    @property
    def weights_choice(self) -> str:
        """Return what a recipe says to get the same weights from any folder: a source, or the file's full path."""
        file = str(self.weights.path and self.weights.path.resolve())
        return {"cache": "hub", "file": file}.get(self.weights.source, self.weights.source)
