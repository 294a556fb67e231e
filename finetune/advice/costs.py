"""What a training will take on this machine: seconds and memory, from the pace of a few images. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

OPTIMIZER_STATES = 2
"""Numbers that AdamW keeps beside each trained parameter, and one more is its gradient."""
BYTES = 4
SOLVE_S = 1.0e-8
"""Seconds of solving a head for each image, feature and class, measured on two cores."""
LEAST_SOLVE_S = 0.3
MOST_FOR_CHOICE = 3_000
"""Images on which the strength is cross-validated (`finetune.training.head`); all are solved for but once."""
WRITE_S = 0.5


@dataclass(frozen=True)
class StepPace:
    """One image's share of a training step: ``image_s`` seconds, of which ``frozen_s`` below the freeze line.

    ``kept_bytes`` wait for the backward pass; ``trained`` and ``parameters`` count numbers, not bytes.
    """

    image_s: float
    frozen_s: float
    kept_bytes: float
    trained: int
    parameters: int


@dataclass(frozen=True)
class Pace:
    """What an image costs here, in seconds: ``load_s`` to decode, ``crop_s`` to cut a view from the decoded, and
    ``forward_s`` through the network without gradients. ``steps`` are those of training, by contender; ``base_bytes``
    is what the process holds already; ``width`` is that of the classifier's input, ``wide`` that of all stages."""

    load_s: float
    crop_s: float
    forward_s: float
    steps: Mapping[str, StepPace]
    base_bytes: int
    width: int
    wide: int

    def to_json(self) -> dict[str, Any]:
        """Return all under their names."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Pace:
        """Return what `to_json` gave."""
        steps = {name: StepPace(**step) for name, step in values["steps"].items()}
        return cls(**{**values, "steps": steps})


@dataclass(frozen=True)
class Task:
    """How many images there are to train on, to choose the epoch by and to judge by, in how many classes.

    The features of ``n_kept`` of the training images are kept from measuring.
    """

    n_train: int
    n_val: int
    n_test: int
    n_classes: int
    n_kept: int = 0


@dataclass(frozen=True)
class Plan:
    """The ``epochs`` and ``batch_size`` of a training by steps, and of how many ``views`` a cache would keep."""

    epochs: int
    batch_size: int
    head_first: bool
    views: int


@dataclass(frozen=True)
class Cost:
    """``seconds`` from the measured features to the finished report, peak memory, and the share that trains."""

    seconds: float
    peak_bytes: float
    trainable_share: float

    def to_json(self) -> dict[str, Any]:
        """Return the three under their names."""
        return asdict(self)


def frozen_cost(task: Task, pace: Pace, *, wide: bool) -> Cost:
    """Return the cost of solving a head on the features of the last layer, or of every stage (``wide``)."""
    width = pace.wide if wide else pace.width
    own = (width + 1) * task.n_classes
    seconds = _features_s(task, pace) + _solve_s(task, width) + _judge_s(task, pace)
    features = BYTES * width * task.n_train
    # The solver standardises a copy and turns it onto the axes that carry something.
    return Cost(seconds, pace.base_bytes + 3 * features, own / (_below_the_head(task, pace) + own))


def stepped_cost(task: Task, pace: Pace, step: StepPace, plan: Plan, *, epochs_share: float = 1.0) -> Cost:
    """Return the cost of training by steps, where early stopping leaves ``epochs_share`` of the epochs.

    Images are decoded once; val is scored before the first epoch and after each. What crosses the freeze line is
    kept where that takes less time than computing it in each epoch.
    """
    epochs = max(1, math.ceil(epochs_share * plan.epochs))
    views_s = task.n_train * (pace.load_s + epochs * pace.crop_s)
    plain_s = epochs * task.n_train * step.image_s + (epochs + 1) * task.n_val * pace.forward_s
    kept_s = (
        min(plan.views, epochs) * task.n_train * step.frozen_s
        + task.n_val * step.frozen_s
        + epochs * task.n_train * (step.image_s - step.frozen_s)
        + (epochs + 1) * task.n_val * max(0.0, pace.forward_s - step.frozen_s)
    )
    head_s = _features_s(task, pace) + _solve_s(task, pace.width) if plan.head_first else 0.0
    seconds = head_s + views_s + min(plain_s, kept_s) + task.n_val * pace.load_s + _judge_s(task, pace)
    states = BYTES * ((1 + OPTIMIZER_STATES) * step.trained + step.parameters)
    batch = min(plan.batch_size, task.n_train)
    return Cost(seconds, pace.base_bytes + states + batch * step.kept_bytes, step.trained / step.parameters)


def _below_the_head(task: Task, pace: Pace) -> int:
    """Return the parameters that `freeze-all` keeps: all of the network that was paced but its linear head."""
    paced = max(step.parameters for step in pace.steps.values())
    return max(0, paced - (pace.width + 1) * task.n_classes)


def _features_s(task: Task, pace: Pace) -> float:
    return max(0, task.n_train - task.n_kept) * (pace.load_s + pace.forward_s)


def _judge_s(task: Task, pace: Pace) -> float:
    return (task.n_test or task.n_val) * (pace.load_s + pace.forward_s) + WRITE_S


def _solve_s(task: Task, width: int) -> float:
    return LEAST_SOLVE_S + SOLVE_S * min(task.n_train, MOST_FOR_CHOICE) * width * task.n_classes
