"""`partial`: keep the low, generic layers, train the high ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
class Partial(Strategy):
    """Keep the low, generic layers; train the last ``stages`` stages, any dense layers and the classifier.

    What it does: edges, colours and textures stay as ImageNet taught them, the layers that put them together
    into objects are adapted. Batch-norm statistics of the pretrained layers are held. The classifier starts
    from the linear probe's solution, so the thawed layers never see the gradient of a random head.
    ``stages`` (default 1, at least 1) counts convolution stages from the top; for VGG the pretrained dense
    layers above them are trained too.

    Wins: few images that differ from ImageNet's, where the top features do not fit but there are too few
    images to move everything.

    Loses: against full fine-tuning with held statistics once there are a few thousand images, or when the
    difference lies low (blur, other sensors, drawings): then the early layers are the ones to adapt.
    The last stage of a ResNet-18 alone holds 75 % of its parameters, so this is no light-weight choice.

    Sources: Yosinski et al. 2014 (How transferable are features?); Kumar et al., ICLR 2022 (LP-FT);
    Lee et al., ICLR 2023 (Surgical fine-tuning) for when it loses.
    """

    name: ClassVar[str] = "partial"
    summary: ClassVar[str] = "keep the low layers, train the last stage and the new classifier"
    weights: ClassVar[StartingWeights] = "pretrained"

    stages: int = field(default=1, metadata={"says": "Convolution stages to train, counted from the top."})

    def __post_init__(self) -> None:
        """Refuse a count that would thaw nothing."""
        if self.stages < 1:
            raise ValueError(f"stages is {self.stages}, but partial trains at least 1 stage")

    def plan(self, groups: Sequence[LayerGroup]) -> Plan:
        """Thaw the last stages and all that lies above them."""
        stages = [position for position, group in enumerate(groups) if group.role == "stage"]
        if self.stages > len(stages):
            raise ValueError(
                f"stages is {self.stages}, but this backbone has {len(stages)}; "
                f"choose 1 to {len(stages)}, or the strategy full-finetune"
            )
        first_thawed = stages[-self.stages]
        return Plan(
            self.weights,
            tuple(
                GroupPlan(group.name, 1.0 if position >= first_thawed else 0.0, hold_statistics=True)
                for position, group in enumerate(groups)
            ),
        )

    def defaults(self, *, n_train: int, batch_size: int) -> TrainingDefaults:
        """AdamW at 5e-4 with label smoothing 0.1, the head fitted first."""
        return TrainingDefaults(
            solver="gradient",
            steps=planned_steps(n_train, batch_size),
            lr=5e-4,
            weight_decay=0.01,
            label_smoothing=0.1,
            head_first=True,
        )
