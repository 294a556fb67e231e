"""Show what a strategy does to a network: each layer group's output, size, and whether it trains."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from finetune.errors import OptionError
from finetune.model.backbones import Backbone
from finetune.model.build import build_empty
from finetune.model.layers import Grouping, layer_groups
from strategies import Plan, Strategy


@dataclass(frozen=True)
class StageRow:
    """One layer group under a plan. ``output`` reads channels x height x width; ``share`` in [0, 1]."""

    name: str
    output: str
    n_parameters: int
    share: float
    lr_multiplier: float
    statistics_held: bool
    has_batch_norm: bool

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON-ready values."""
        return asdict(self)


def describe(
    backbone: Backbone, strategy: Strategy, *, n_classes: int, image_size: int | None = None
) -> list[StageRow]:
    """Return one row a layer group, in network order, without loading weights or using memory for them.

    Raises OptionError when the strategy cannot be applied to this backbone.
    """
    model = build_empty(backbone, n_classes=n_classes, image_size=image_size or backbone.image_size)
    grouping = layer_groups(model)
    plan = plan_for(strategy, grouping)
    outputs = _outputs(model, grouping, image_size or backbone.image_size)
    with_norm = _groups_with_batch_norm(model, grouping)
    total = sum(group.n_parameters for group in grouping.groups)
    return [
        StageRow(
            group.name,
            outputs[group.name],
            group.n_parameters,
            group.n_parameters / total,
            plan.of(group.name).lr_multiplier,
            plan.of(group.name).hold_statistics,
            group.name in with_norm,
        )
        for group in grouping.groups
    ]


def plan_for(strategy: Strategy, grouping: Grouping) -> Plan:
    """Return the strategy's plan; an option that does not suit this network becomes an OptionError."""
    try:
        return strategy.plan(grouping.groups)
    except ValueError as error:
        raise OptionError(str(error)) from None


def _outputs(model: nn.Module, grouping: Grouping, image_size: int) -> dict[str, str]:
    shapes: dict[str, str] = {}

    def note(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            shapes[name] = " x ".join(str(side) for side in output.shape[1:])

        return hook

    exits = {**grouping.exits, grouping.head.name: grouping.head.name}
    hooks = [model.get_submodule(exit).register_forward_hook(note(name)) for name, exit in exits.items()]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.eval()(torch.zeros(1, 3, image_size, image_size, device="meta"))
    for hook in hooks:
        hook.remove()
    return shapes


def _groups_with_batch_norm(model: nn.Module, grouping: Grouping) -> set[str]:
    return {
        grouping.group_of[f"{name}.running_mean"]
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
    }
