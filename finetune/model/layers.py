"""Cut a network into layer groups: stages in network order, the fresh head last.

ResNet: stem, layer1 to layer4. EfficientNet: stem and block stages, the last with the 1x1 convolution above
it. VGG: five convolution stages cut after the max-pools (each convolution with its batch norm), then the
pretrained dense ``pre_logits`` as a group of its own (timm's own grouping puts it, 89 % of the parameters,
into the head). Any other timm network: its coarse ``group_matcher``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from timm.models._manipulate import group_with_matcher
from torch import nn

from finetune.errors import WeightsError
from finetune.model.heads import CLASSIFIERS
from strategies.base import LayerGroup, Role


@dataclass(frozen=True)
class Grouping:
    """The layer groups of one network, and where each of its tensors and outputs lies.

    ``group_of`` maps every name in ``model.state_dict()`` (parameters and buffers) to a group's name.
    ``exits`` maps every group but the head to the module whose output is the group's output.
    """

    groups: tuple[LayerGroup, ...]
    group_of: Mapping[str, str]
    exits: Mapping[str, str]

    @property
    def head(self) -> LayerGroup:
        """Return the fresh classifier's group, the last one."""
        return self.groups[-1]


def layer_groups(model: nn.Module) -> Grouping:
    """Return the layer groups of a timm ``model`` in network order.

    A network that is no timm model and knows its own groups (`finetune.model.multi_stage`) is asked for them.
    Raises WeightsError when the model's layers cannot be ordered or its classifier cannot be found.
    """
    own = getattr(model, "grouping", None)
    if isinstance(own, Grouping):
        return own
    ordered = _vgg_names(model) if type(model).__name__ == "VGG" else _timm_names(model)
    head_prefix = classifier_name(model)
    ordered = _split_off_head(ordered, head_prefix)
    names = _group_names(ordered, head_prefix)
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    groups = tuple(
        LayerGroup(group, _role(group, rank, len(names)), sum(sizes.get(name, 0) for name in tensors))
        for rank, (group, tensors) in enumerate(zip(names, ordered, strict=True))
    )
    group_of = {name: group for group, tensors in zip(names, ordered, strict=True) for name in tensors}
    exits = {
        group: _exit(model, group, tensors) for group, tensors in zip(names[:-1], ordered[:-1], strict=True)
    }
    return Grouping(groups, group_of, exits)


def classifier_name(model: nn.Module) -> str:
    """Return the dotted name of the model's classifier, such as ``fc`` or ``head.fc``."""
    timm_model: Any = model
    classifier = timm_model.get_classifier() if hasattr(model, "get_classifier") else None
    for name, module in model.named_modules():
        if name and module is classifier and isinstance(module, CLASSIFIERS):
            return str(name)
    raise WeightsError(
        f"{type(model).__name__} has no single linear classifier to replace; choose one of `finetune backbones`"
    )


def _vgg_names(model: nn.Module) -> list[list[str]]:
    """Group a VGG's tensors by convolution stage (cut after each max-pool), then dense layers and head."""
    pools = _pool_positions(model)
    stages: list[list[str]] = [[] for _ in pools]
    dense: list[str] = []
    head: list[str] = []
    for name in model.state_dict():
        position = re.match(r"features\.(\d+)\.", name)
        if position:
            stages[sum(int(position[1]) > pool for pool in pools)].append(name)
        else:
            (dense if name.startswith("pre_logits.") else head).append(name)
    return [*stages, dense, head]


def _pool_positions(model: nn.Module) -> list[int]:
    features = model.get_submodule("features")
    return [int(name) for name, module in features.named_children() if isinstance(module, nn.MaxPool2d)]


def _timm_names(model: nn.Module) -> list[list[str]]:
    timm_model: Any = model
    if not hasattr(model, "group_matcher"):
        raise WeightsError(
            f"timm cannot order the layers of {type(model).__name__}; choose one of `finetune backbones`"
        )
    grouped = group_with_matcher(
        ((name, name) for name in model.state_dict()),
        timm_model.group_matcher(coarse=True),
        return_values=True,
    )
    return [list(names) for _, names in sorted(grouped.items())]


def _split_off_head(ordered: Sequence[Sequence[str]], head_prefix: str) -> list[list[str]]:
    """Leave exactly the classifier in the last group; pretrained leftovers join the group below."""
    is_head = re.compile(re.escape(head_prefix) + r"\.").match
    body = [[name for name in names if not is_head(name)] for names in ordered]
    head = [name for names in ordered for name in names if is_head(name)]
    if len(body) > 1 and body[-1] and any(is_head(name) for name in ordered[-1]):
        leftover = body.pop()
        body[-1] = body[-1] + leftover
    return [*(names for names in body if names), head]


def _group_names(ordered: Sequence[Sequence[str]], head_prefix: str) -> list[str]:
    names: list[str] = []
    for rank, tensors in enumerate(ordered[:-1]):
        first = tensors[0]
        if first.startswith("features."):
            names.append(f"block{rank + 1}")
        elif first.startswith("pre_logits."):
            names.append("pre_logits")
        elif rank == 0:
            names.append("stem")
        else:
            names.append(_stage_prefix(first))
    return [*names, head_prefix]


def _stage_prefix(tensor: str) -> str:
    """``layer1.0.conv1.weight`` -> ``layer1``; ``blocks.6.0.bn1.weight`` -> ``blocks.6``."""
    parts = tensor.split(".")
    return ".".join(parts[:2]) if parts[1].isdigit() and not parts[0][-1].isdigit() else parts[0]


def _role(group: str, rank: int, n_groups: int) -> Role:
    if rank == n_groups - 1:
        return "head"
    if group == "pre_logits":
        return "dense"
    return "stem" if group == "stem" else "stage"


def _exit(model: nn.Module, group: str, tensors: Sequence[str]) -> str:
    if group.startswith("block") and type(model).__name__ == "VGG":
        return f"features.{_pool_positions(model)[int(group.removeprefix('block')) - 1]}"
    modules = dict(model.named_modules())
    if group == "stem" and "maxpool" in modules:
        return "maxpool"
    if group in modules and all(name.startswith(f"{group}.") for name in tensors):
        return group
    return tensors[-1].rpartition(".")[0]
