"""Build a timm network with pretrained weights and a fresh classifier of the right width."""

from __future__ import annotations

import timm
import torch
from torch import nn

from finetune.errors import WeightsError
from finetune.model.backbones import Backbone
from finetune.model.weights import WeightsRecord, load_pretrained


def build(backbone: Backbone, *, n_classes: int, weights: WeightsRecord, seed: int, image_size: int) -> nn.Module:
    """Return ``backbone`` with ``n_classes`` outputs: pretrained below, a fresh classifier above.

    The classifier (and, without weights, everything) is drawn from ``seed``; torch's own generator is left as
    it was. ``image_size`` in pixels matters only to networks whose input size is fixed when they are built.
    Raises WeightsError when the weights do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        size = {"img_size": image_size} if backbone.fixed_size else {}
        model = timm.create_model(backbone.name, pretrained=False, num_classes=n_classes, **size)
    load_pretrained(model, weights)
    return model


def build_empty(name: str, *, n_classes: int) -> nn.Module:
    """Return the network on the meta device: shapes and names without memory or time."""
    try:
        with torch.device("meta"):
            return timm.create_model(name, pretrained=False, num_classes=n_classes)
    except RuntimeError as error:
        raise WeightsError(f"timm cannot build '{name}' ({error}); choose one of `finetune backbones`") from None
