"""Features of a network that is not training, and the linear head solved on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from finetune.data.sources import LabelledImage
from finetune.data.transforms import TrainingTransform
from finetune.model.features import FloatArray
from finetune.model.inference import inference_precision
from finetune.model.layers import classifier_name
from finetune.model.precision import Concrete
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.feature_cache import Frozen
from finetune.training.head import SolvedHead, solve_head
from finetune.training.head_steps import step_head
from finetune.training.learner import Learner
from finetune.training.loaders import transform_of

DEFAULT_VIEWS = 4
"""Views of each image where they are augmented and nothing is said."""


def train_features(learner: Learner, recipe: Recipe, *, reporter: Reporter) -> FloatArray:
    """Return the classifier's inputs for the training images, n x d float32, in their order."""
    return features_of(learner, learner.split.train, recipe, reporter=reporter)


def features_of(
    learner: Learner, images: Sequence[LabelledImage], recipe: Recipe, *, reporter: Reporter
) -> FloatArray:
    """Return the classifier's inputs for ``images`` as they are, n x d float32, in their order."""
    plain = TrainingTransform(learner.preprocessing, "none", recipe.seed)
    return _frozen(learner, recipe, reporter, plain).features([image.path for image in images], views=1)


def begin_head(learner: Learner, features: FloatArray, recipe: Recipe, *, reporter: Reporter) -> None:
    """Fit the head on the training images' ``features`` before the layers below thaw, solved or by steps."""
    head = learner.model.get_submodule(classifier_name(learner.model))
    if isinstance(head, nn.Linear):
        fit_head(learner, features, recipe, reporter=reporter)
        return
    targets = np.array(learner.split.indices(learner.split.train))
    with reporter.track("fitting the head") as advance:
        step_head(head, features, targets, seed=recipe.seed, progress=advance)


def view_features(learner: Learner, recipe: Recipe, *, reporter: Reporter) -> tuple[FloatArray, int]:
    """Return the classifier's inputs for augmented views of the training images, and the number of views v.

    They are (v · n) x d float32, all images once, then again. Without augmentation there is one view.
    """
    transform = transform_of(learner, recipe)
    views = recipe.views or DEFAULT_VIEWS if transform.is_augmented else 1
    return _frozen(learner, recipe, reporter, transform).features(_paths(learner), views=views), views


def feature_precision(learner: Learner, recipe: Recipe) -> Concrete:
    """Return what the frozen layers compute in: as the recipe says, else as suits them and the machine."""
    if recipe.precision is not None and recipe.precision != "auto":
        return recipe.precision
    return "fp32" if recipe.deterministic else inference_precision(learner.model)


def _frozen(learner: Learner, recipe: Recipe, reporter: Reporter, transform: TrainingTransform) -> Frozen:
    return Frozen(
        learner,
        transform,
        feature_precision(learner, recipe),
        use_cache=recipe.cache != "off",
        workers=recipe.workers,
        max_minutes=recipe.max_minutes,
        reporter=reporter,
    )


def _paths(learner: Learner) -> list[Path]:
    return [image.path for image in learner.split.train]


def fit_head(
    learner: Learner, features: FloatArray, recipe: Recipe, *, views: int = 1, reporter: Reporter
) -> SolvedHead:
    """Solve the head on ``views`` of the training images' ``features`` and install it in the learner's model."""
    split = learner.split
    targets = np.tile(np.array(split.indices(split.train)), views)
    with reporter.track("solving the head") as advance:
        solved = solve_head(
            features,
            targets,
            n_classes=len(split.class_names),
            seed=recipe.seed,
            views=views,
            balanced=recipe.class_balance == "weights",
            progress=advance,
        )
    classifier = learner.model.get_submodule(classifier_name(learner.model))
    assert isinstance(classifier, nn.Linear)
    solved.install(classifier)
    return solved
