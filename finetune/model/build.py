"""Build a timm network with pretrained weights and a fresh classifier of the right width."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import nn

from finetune.errors import WeightsError
from finetune.model.backbones import Backbone
from finetune.model.weights import WeightsRecord, load_pretrained


def build(
    backbone: Backbone, *, n_classes: int, weights: WeightsRecord, seed: int, image_size: int
) -> nn.Module:
    """Return ``backbone`` with ``n_classes`` outputs: pretrained below, a fresh classifier above.

    The classifier (and, without weights, everything) is drawn from ``seed``; torch's own generator is left as
    it was. ``image_size`` in pixels matters only to networks whose input size is fixed when they are built.
    Raises WeightsError when the weights do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _create(backbone, n_classes, image_size)
    load_pretrained(model, weights)
    return model


def build_empty(backbone: Backbone, *, n_classes: int, image_size: int) -> nn.Module:
    """Return the network on the meta device: shapes and names without memory or time."""
    try:
        with torch.device("meta"):
            return _create(backbone, n_classes, image_size)
    except RuntimeError as error:
        raise WeightsError(
            f"timm cannot build '{backbone.name}' ({error}); choose one of `finetune backbones`"
        ) from None


def _create(backbone: Backbone, n_classes: int, image_size: int) -> nn.Module:
    """Let timm build the network; only those that fix their input size at birth are told it."""
    size: dict[str, Any] = {"img_size": image_size} if backbone.fixed_size else {}
    model: nn.Module = timm.create_model(backbone.name, pretrained=False, num_classes=n_classes, **size)
    return model
