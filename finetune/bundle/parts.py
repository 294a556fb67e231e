"""A classifier taken apart into what timm can load and what only this project knows, and put together again.

timm knows a network with its linear classifier. Any other head lies beside it: ``head.json`` says which,
``head.safetensors`` holds its tensors, and the network is written without a classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import timm
from torch import Tensor, nn

from finetune.model.build import with_head
from finetune.model.heads import HeadSpec, spec_of
from finetune.model.layers import classifier_name
from finetune.model.multi_stage import BODY, HEAD, MultiStageClassifier

HEAD_FILES = ("head.json", "head.safetensors")
OPTIONS = frozenset({"img_size", "hidden", "activation", "negative_slope", "channels"})
"""What a bundle's ``model_args`` may hold; timm would take more, among it a file to unpickle."""


@dataclass(frozen=True)
class Parts:
    """The tensors of the ``body`` by timm's names; of the ``head`` by its own, with ``head_json`` to build it.

    ``head_json`` is None for a linear classifier, which is part of the body; ``head`` is then empty.
    """

    body: dict[str, Tensor]
    head: dict[str, Tensor]
    head_json: dict[str, Any] | None


def take_apart(model: nn.Module, *, n_classes: int) -> Parts:
    """Return the parts of a trained ``model``."""
    body, own = _prefixes(model)
    state = model.state_dict()
    spec = _spec(model)
    if spec.kind == "linear":
        return Parts(dict(state), {}, None)
    head = {name.removeprefix(own): tensor for name, tensor in state.items() if name.startswith(own)}
    rest = {name.removeprefix(body): tensor for name, tensor in state.items() if not name.startswith(own)}
    return Parts(rest, head, {**spec.to_json(), "n_classes": n_classes, "stages": _stages(model)})


def put_together(
    architecture: str, *, n_classes: int, image_size: int, model_args: Mapping[str, Any], parts: Parts
) -> nn.Module:
    """Return the network of ``parts``, as `take_apart` gave them.

    Raises KeyError, TypeError, ValueError or RuntimeError when they do not belong together, and whatever else timm
    does where the ``architecture`` cannot be built so. It is one of timm's by name alone: timm would take an address
    of the hub or a folder in its place.
    """
    if not timm.is_model(architecture):
        raise ValueError(f"timm has no network {architecture!r}")
    if foreign := sorted(set(model_args) - OPTIONS):
        raise ValueError(f"a network takes no {foreign[0]!r}")
    model: nn.Module = timm.create_model(architecture, pretrained=False, num_classes=n_classes, **model_args)
    if parts.head_json is not None:
        spec = HeadSpec.from_json(parts.head_json)
        model = with_head(model, spec, n_classes=n_classes, image_size=image_size)
        if parts.head_json["stages"] != _stages(model):
            raise ValueError("its head reads other stages than the network has")
    body, own = _prefixes(model)
    model.load_state_dict(
        {body + name: tensor for name, tensor in parts.body.items()}
        | {own + name: tensor for name, tensor in parts.head.items()}
    )
    return model


def _prefixes(model: nn.Module) -> tuple[str, str]:
    """Return what stands before the body's and the head's tensor names."""
    if isinstance(model, MultiStageClassifier):
        return f"{BODY}.", f"{HEAD}."
    return "", f"{classifier_name(model)}."


def _spec(model: nn.Module) -> HeadSpec:
    if isinstance(model, MultiStageClassifier):
        return model.spec
    return spec_of(model.get_submodule(classifier_name(model)))


def _stages(model: nn.Module) -> dict[str, int]:
    return model.widths if isinstance(model, MultiStageClassifier) else {}
