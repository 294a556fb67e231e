"""`full-finetune`: train every layer with a small learning rate, smaller the deeper it lies."""

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
class FullFinetune(Strategy):
    """Train every layer with a small learning rate that shrinks with the distance from the classifier.

    What it does: the group at distance d below the head learns ``layer_decay`` ** d times as fast as the head
    (default 0.75; 1 means all alike; within (0, 1]). Batch-norm statistics are held, their scales and shifts
    learn. The classifier starts from the linear probe's solution.

    Wins: thousands of images; fine-grained classes; anything whose frozen features score low. With held
    statistics and the head fitted first it is hard to beat even at a few hundred images.

    Loses: where freezing is already as good (it then costs ten to a hundred times the compute for nothing),
    and where ImageNet features are useless, such as spectra: there training from scratch wins.

    Sources: Kumar et al., ICLR 2022 (LP-FT); Howard and Ruder, ACL 2018 (discriminative learning rates);
    Clark et al., ICLR 2020 (layer-wise decay); Kolesnikov et al., ECCV 2020 (BiT).
    """

    name: ClassVar[str] = "full-finetune"
    summary: ClassVar[str] = "train every layer, the deeper the slower"
    weights: ClassVar[StartingWeights] = "pretrained"

    layer_decay: float = field(
        default=0.75,
        metadata={"says": "How fast a layer group learns, as a share of the one above it; 1 for all alike."},
    )

    def __post_init__(self) -> None:
        """Refuse a decay that freezes or speeds up the deep layers."""
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay is {self.layer_decay}, but must lie above 0 and at most at 1")

    def plan(self, groups: Sequence[LayerGroup]) -> Plan:
        """Give the group at distance d below the head the multiplier ``layer_decay`` ** d."""
        last = len(groups) - 1
        return Plan(
            self.weights,
            tuple(
                GroupPlan(group.name, self.layer_decay ** (last - position), hold_statistics=True)
                for position, group in enumerate(groups)
            ),
        )

    def defaults(self, *, n_train: int, batch_size: int) -> TrainingDefaults:
        """AdamW at 5e-4 below 5,000 images, else 3e-4; label smoothing 0.1; the head fitted first."""
        return TrainingDefaults(
            solver="gradient",
            steps=planned_steps(n_train, batch_size),
            lr=5e-4 if n_train < 5_000 else 3e-4,
            weight_decay=0.01,
            label_smoothing=0.1,
            head_first=True,
        )
