"""The network about to be trained, with its groups, its plan, its images and its preprocessing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from finetune.data.split import Split
from finetune.data.transforms import Preprocessing
from finetune.model.build import build
from finetune.model.describe import plan_for
from finetune.model.layers import Grouping, layer_groups
from finetune.model.weights import NO_WEIGHTS
from finetune.training.prepare import Prepared
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
    )
    model.to(memory_format=torch.channels_last)
    grouping = layer_groups(model)
    preprocessing = preprocessing_of(prepared.backbone, image_size)
    if resolved.defaults.normalization == "dataset":
        preprocessing = dataset_normalization(
            prepared.split.train, preprocessing, seed=recipe.seed, workers=recipe.workers
        )
    return Learner(model, grouping, plan_for(strategy, grouping), prepared.split, preprocessing)
