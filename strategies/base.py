"""What a strategy is: a frozen value that decides, for each layer group, how fast it learns.

A strategy never touches a model. It reads layer groups and returns a `Plan`;
`finetune.model.freezing` is the one place that applies a plan to a network.
Only the standard library is imported here.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Role = Literal["stem", "stage", "dense", "head"]
StartingWeights = Literal["pretrained", "random"]


@dataclass(frozen=True)
class LayerGroup:
    """Consecutive layers that freeze or learn together, from the input towards the output.

    ``role`` is ``stem`` (first layers), ``stage`` (convolutions or blocks), ``dense`` (pretrained fully
    connected layers, as in VGG) or ``head`` (the fresh classifier, always last). ``n_parameters`` >= 0.
    """

    name: str
    role: Role
    n_parameters: int


@dataclass(frozen=True)
class GroupPlan:
    """How one layer group learns.

    ``lr_multiplier`` in [0, 1] scales the recipe's learning rate; 0 means frozen.
    ``hold_statistics``: batch-norm running means and variances stay as they are.
    """

    name: str
    lr_multiplier: float
    hold_statistics: bool

    @property
    def is_frozen(self) -> bool:
        """Whether nothing in the group may change."""
        return self.lr_multiplier == 0


@dataclass(frozen=True)
class Plan:
    """What a strategy decided for one network: where the weights start and one `GroupPlan` a layer group."""

    weights: StartingWeights
    groups: tuple[GroupPlan, ...]

    def with_statistics(self, *, held: bool) -> Plan:
        """Return the plan with the batch-norm statistics of every group that learns held, or moving."""
        groups = (
            group if group.is_frozen else dataclasses.replace(group, hold_statistics=held)
            for group in self.groups
        )
        return Plan(self.weights, tuple(groups))

    def of(self, name: str) -> GroupPlan:
        """Return the plan of the group ``name``; raises KeyError for a name that is not in the plan."""
        return {group.name: group for group in self.groups}[name]


@dataclass(frozen=True)
class TrainingDefaults:
    """The training choices that a strategy makes where the user made none.

    ``solver`` is ``closed-form`` (the head is solved on cached features; ``steps``, ``lr`` and ``weight_decay``
    are then for a head that cannot be solved) or ``gradient``. ``steps`` counts optimizer steps; ``lr`` is the
    peak learning rate.
    ``head_first``: the fresh head starts from the linear probe's solution (LP-FT, Kumar et al., ICLR 2022).
    ``normalization``: input mean and std from the backbone's weights, or from the training images.
    """

    solver: Literal["closed-form", "gradient"]
    steps: int = 0
    lr: float = 0.0
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    head_first: bool = False
    normalization: Literal["backbone", "dataset"] = "backbone"


@dataclass(frozen=True)
class Strategy(ABC):
    """One way to fine-tune. Subclasses are final; their dataclass fields are the strategy's options."""

    name: ClassVar[str]
    summary: ClassVar[str]
    weights: ClassVar[StartingWeights]

    @abstractmethod
    def plan(self, groups: Sequence[LayerGroup]) -> Plan:
        """Decide for ``groups`` (network order, the head last)."""

    @abstractmethod
    def defaults(self, *, n_train: int, batch_size: int) -> TrainingDefaults:
        """Return the training choices for ``n_train`` images in batches of ``batch_size``."""

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """Return the names of this strategy's own options."""
        return tuple(field.name for field in dataclasses.fields(cls))

    @classmethod
    def option_words(cls) -> dict[str, str]:
        """Return what each of this strategy's own options is for, in one sentence; empty where nothing is said."""
        return {field.name: field.metadata.get("says", "") for field in dataclasses.fields(cls)}

    @classmethod
    def card(cls) -> str:
        """Return what it does, when it wins, when it loses and the sources, as plain text."""
        import inspect

        return inspect.cleandoc(cls.__doc__ or "")


def planned_steps(n_train: int, batch_size: int, *, fewest: int = 150, most: int = 5000) -> int:
    """Return 20 passes over the data in optimizer steps, kept within [``fewest``, ``most``].

    The clip follows BiT-HyperRule (Kolesnikov et al., ECCV 2020): the schedule is set in steps, not epochs,
    so that small sets are not starved and large ones not overtrained.
    """
    return min(most, max(fewest, round(20 * n_train / batch_size)))
