"""Build a timm network with pretrained weights and a fresh classifier of the right width and kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
from timm.layers.drop import DropPath
from torch import nn

from finetune.errors import WeightsError
from finetune.model import baselines  # noqa: F401 - registers them with timm
from finetune.model.backbones import Backbone
from finetune.model.heads import HeadSpec, replace_head
from finetune.model.layers import classifier_name
from finetune.model.multi_stage import MultiStageClassifier
from finetune.model.weights import WeightsRecord, load_pretrained

LINEAR = HeadSpec()


def build(
    backbone: Backbone,
    *,
    n_classes: int,
    weights: WeightsRecord,
    seed: int,
    image_size: int,
    head: HeadSpec = LINEAR,
    options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Return ``backbone`` with ``n_classes`` outputs: pretrained below, a fresh ``head`` above.

    The classifier (and, without weights, everything) is drawn from ``seed``; torch's own generator is left as
    it was. ``image_size`` in pixels matters only to networks whose input size is fixed when they are built.
    ``options`` are arguments of timm's for this network. Raises WeightsError when the weights do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _create(backbone, n_classes, image_size, options or {})
    load_pretrained(model, weights)
    if head == LINEAR:
        return model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return with_head(model, head, n_classes=n_classes, image_size=image_size)


def with_head(model: nn.Module, head: HeadSpec, *, n_classes: int, image_size: int) -> nn.Module:
    """Return ``model``, which is changed in place, with a fresh ``head`` instead of its linear classifier."""
    if head.kind == "multi-stage":
        return MultiStageClassifier(model, n_classes=n_classes, image_size=image_size)
    replace_head(model, classifier_name(model), head)
    return model


def build_empty(backbone: Backbone, *, n_classes: int, image_size: int) -> nn.Module:
    """Return the network on the meta device: shapes and names without memory or time."""
    try:
        with torch.device("meta"):
            return _create(backbone, n_classes, image_size, {})
    except RuntimeError as error:
        raise WeightsError(
            f"timm cannot build '{backbone.name}' ({error}); choose one of `finetune backbones`"
        ) from None


def skips_blocks(backbone: Backbone) -> bool:
    """Return whether timm can skip this network's residual blocks at random (stochastic depth)."""
    try:
        with torch.device("meta"):
            model = _create(backbone, 1, backbone.image_size, {"drop_path_rate": 0.5})
    except TypeError:
        return False
    return any(isinstance(module, DropPath) and module.drop_prob > 0 for module in model.modules())


def _create(backbone: Backbone, n_classes: int, image_size: int, options: Mapping[str, Any]) -> nn.Module:
    """Let timm build the network; only those that fix their input size at birth are told it."""
    size: dict[str, Any] = {"img_size": image_size} if backbone.fixed_size else {}
    model: nn.Module = timm.create_model(
        backbone.timm_name, pretrained=False, num_classes=n_classes, **size, **options
    )
    return model
