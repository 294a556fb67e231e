"""The one place where a `Plan` becomes true of a network.

Frozen means bit-identical: no gradient, no weight decay, no moving batch-norm statistics, no dropout below
the head. ``requires_grad=False`` alone leaves batch norm learning, and any ``model.train()`` call thaws the
statistics again; `Freezing.hold` puts them back and is called after every switch to training mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from finetune.model.layers import Grouping
from strategies import Plan


@dataclass(frozen=True)
class Freezing:
    """The modules that stay in eval mode whatever their parents do."""

    held: tuple[nn.Module, ...]

    def hold(self) -> None:
        """Put every held module back to eval mode."""
        for module in self.held:
            module.eval()


def apply_plan(model: nn.Module, grouping: Grouping, plan: Plan) -> Freezing:
    """Set ``requires_grad`` on every parameter and hold what the plan holds; return the held modules."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not plan.of(grouping.group_of[name]).is_frozen)
    freezing = Freezing(tuple(_held_modules(model, grouping, plan)))
    freezing.hold()
    return freezing


def _held_modules(model: nn.Module, grouping: Grouping, plan: Plan) -> Sequence[nn.Module]:
    """Modules that are frozen as a whole (with the dropout inside them), and norms with held statistics."""
    held = []
    for name, module in model.named_modules():
        tensors = [tensor for tensor in grouping.group_of if tensor.startswith(f"{name}.")]
        plans = [plan.of(grouping.group_of[tensor]) for tensor in tensors] if name else []
        frozen = bool(plans) and all(group.is_frozen for group in plans)
        statistics_held = isinstance(module, _BatchNorm) and any(group.hold_statistics for group in plans)
        if frozen or statistics_held:
            held.append(module)
    return held


def optimizer_groups(
    model: nn.Module, grouping: Grouping, plan: Plan, *, lr: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Return torch optimizer groups: two a layer group, with and without weight decay, frozen ones included.

    Biases and norm scales (one-dimensional tensors) are not decayed. Frozen groups have ``lr`` 0 and
    parameters without gradient, so thawing later changes no group and a resumed optimizer always fits.
    """
    groups = []
    for layer_group in grouping.groups:
        own = [
            parameter
            for name, parameter in model.named_parameters()
            if grouping.group_of[name] == layer_group.name
        ]
        rate = lr * plan.of(layer_group.name).lr_multiplier
        for suffix, decay, chosen in (
            ("", weight_decay, [parameter for parameter in own if parameter.ndim > 1]),
            (" (no decay)", 0.0, [parameter for parameter in own if parameter.ndim <= 1]),
        ):
            groups.append(
                {"name": layer_group.name + suffix, "params": chosen, "lr": rate, "weight_decay": decay}
            )
    return [group for group in groups if group["params"]]


def trainable_share(grouping: Grouping, plan: Plan) -> float:
    """Return the share of parameters that train, in [0, 1]."""
    total = sum(group.n_parameters for group in grouping.groups)
    return sum(group.n_parameters for group in grouping.groups if not plan.of(group.name).is_frozen) / total
