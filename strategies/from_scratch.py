"""`from-scratch`: random weights, every layer learns."""

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
class FromScratch(Strategy):
    """Start from random weights and train every layer alike; batch-norm statistics move.

    What it does: the architecture is kept, nothing that ImageNet taught is. Inputs are normalised with the
    training images' own mean and standard deviation, and the schedule is three times as long.

    Wins: very many images of a kind on which pretrained features measure as useless (transfer gain below
    0.15), such as spectra or permuted pixels; or where no pretrained weights may be used.

    Loses: nearly everywhere else. In 50 published comparisons it was ahead by more than a point once;
    at 1,000 images it is 20 to 70 points behind on photographs.

    Sources: Zhai et al. 2019 (VTAB) and Grill et al. 2020 (BYOL) for the comparisons; Loshchilov and Hutter,
    ICLR 2019 (AdamW).
    """

    name: ClassVar[str] = "from-scratch"
    summary: ClassVar[str] = "random weights, train every layer"
    weights: ClassVar[StartingWeights] = "random"

    def plan(self, groups: Sequence[LayerGroup]) -> Plan:
        """Let every group learn at full speed and its statistics move."""
        return Plan(
            self.weights, tuple(GroupPlan(group.name, 1.0, hold_statistics=False) for group in groups)
        )

    def defaults(self, *, n_train: int, batch_size: int) -> TrainingDefaults:
        """AdamW at 1e-3 with weight decay 0.05, three times the steps, the data set's own mean and std."""
        return TrainingDefaults(
            solver="gradient",
            steps=3 * planned_steps(n_train, batch_size),
            lr=1e-3,
            weight_decay=0.05,
            label_smoothing=0.1,
            normalization="dataset",
        )
