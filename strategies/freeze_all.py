"""`freeze-all`: keep every pretrained layer, replace and train only the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from strategies.base import (
    GroupPlan,
    LayerGroup,
    Plan,
    StartingWeights,
    Strategy,
    TrainingDefaults,
    planned_steps,
)


@final
@dataclass(frozen=True)
class FreezeAll(Strategy):
    """Keep every pretrained layer as it is; replace the classifier and train only that.

    What it does: the network becomes a fixed feature extractor. Features are computed once, and the new
    classifier is solved on them as an L2-regularised multinomial logistic regression whose strength is
    chosen by cross-validation on the training images alone. There are no epochs and no learning rate.
    A dense or cosine head has no such solution: it alone is trained by steps, and the epoch chosen on val.

    Wins: few images that look like photographs of things. Nothing can be forgotten, it takes seconds,
    and the validation images stay untouched by any choice.

    Loses: where the classes differ in details that the pretrained features do not keep. On published
    ResNet-50 results it is 25 points behind full fine-tuning on cars and aircraft (8,144 and 6,667 images),
    2.9 behind on flowers. A low accuracy here, not the number of images, says when to thaw layers.

    Sources: Razavian et al. 2014 (CNN features off-the-shelf); Kornblith et al. 2019 (Do better ImageNet
    models transfer better?); Grill et al. 2020 (BYOL), table 3, for the figures.
    """

    name: ClassVar[str] = "freeze-all"
    summary: ClassVar[str] = "keep every pretrained layer, train only the new classifier"
    weights: ClassVar[StartingWeights] = "pretrained"

    def plan(self, groups: Sequence[LayerGroup]) -> Plan:
        """Freeze every group but the head."""
        return Plan(
            self.weights,
            tuple(
                GroupPlan(group.name, 1.0 if group.role == "head" else 0.0, hold_statistics=True)
                for group in groups
            ),
        )

    def defaults(self, *, n_train: int, batch_size: int) -> TrainingDefaults:
        """Solve the head; one that must be stepped learns fast, since nothing pretrained can be spoilt."""
        return TrainingDefaults(
            solver="closed-form", steps=planned_steps(n_train, batch_size), lr=1e-3, weight_decay=0.01
        )
