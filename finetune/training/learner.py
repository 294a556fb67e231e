"""The network about to be trained, with its groups, its plan, its images and its preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from finetune.data.split import Split
from finetune.data.transforms import Preprocessing
from finetune.model.backbones import Backbone
from finetune.model.build import build
from finetune.model.describe import plan_for
from finetune.model.heads import DEFAULT_HIDDEN, DEFAULT_SLOPE, DENSE_DROPOUT, HeadSpec
from finetune.model.layers import Grouping, layer_groups
from finetune.model.weights import NO_WEIGHTS
from finetune.recipe import Recipe
from finetune.training.prepared import Prepared
from finetune.training.resolve import Resolved, preprocessing_of
from finetune.training.statistics import dataset_normalization
from strategies import Plan


@dataclass(frozen=True)
class Learner:
    """What both ways of training work on; ``model`` is changed in place by them."""

    model: nn.Module
    grouping: Grouping
    plan: Plan
    split: Split
    preprocessing: Preprocessing


def build_learner(prepared: Prepared, resolved: Resolved) -> Learner:
    """Build the network and let the strategy plan it; a network from nothing gets the data's own statistics."""
    recipe = resolved.recipe
    image_size = recipe.image_size or prepared.backbone.image_size
    strategy = recipe.build_strategy()
    model = build(
        prepared.backbone,
        n_classes=len(prepared.split.class_names),
        weights=prepared.weights if strategy.weights == "pretrained" else NO_WEIGHTS,
        seed=recipe.seed,
        image_size=image_size,
        head=head_of(recipe),
        options=options_of(recipe, prepared.backbone),
    )
    model.to(memory_format=torch.channels_last)
    grouping = layer_groups(model)
    preprocessing = preprocessing_of(prepared.backbone, image_size)
    if (recipe.normalization or resolved.defaults.normalization) == "dataset":
        preprocessing = dataset_normalization(
            prepared.split.train, preprocessing, seed=recipe.seed, workers=recipe.workers
        )
    plan = plan_for(strategy, grouping)
    if recipe.batch_norm is not None:
        plan = plan.with_statistics(held=recipe.batch_norm == "frozen")
    return Learner(model, grouping, plan, prepared.split, preprocessing)


def head_of(recipe: Recipe) -> HeadSpec:
    """Return the head that ``recipe`` asks for; on a baseline ``hidden`` and ``activation`` are the network's."""
    kind = recipe.head or "linear"
    if kind != "dense":
        return HeadSpec(kind, dropout=recipe.dropout or 0.0)
    return HeadSpec(
        kind,
        recipe.hidden or DEFAULT_HIDDEN,
        recipe.activation or "relu",
        recipe.negative_slope or DEFAULT_SLOPE,
        DENSE_DROPOUT if recipe.dropout is None else recipe.dropout,
    )


def options_of(recipe: Recipe, backbone: Backbone) -> dict[str, Any]:
    """Return what timm is told beside the name."""
    options: dict[str, Any] = {}
    if recipe.stochastic_depth is not None:
        options["drop_path_rate"] = recipe.stochastic_depth
    if backbone.is_baseline:
        own = {name: getattr(recipe, name) for name in ("hidden", "activation", "negative_slope")}
        options |= {name: value for name, value in own.items() if value is not None}
    return options
