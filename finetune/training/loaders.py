"""The batches that training and its trials read, made of a learner and a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from finetune.data.growth import Growth
from finetune.data.loading import labelled_loader, training_loader
from finetune.data.sources import LabelledImage
from finetune.data.split import Split
from finetune.data.transforms import TrainingTransform
from finetune.recipe import Recipe
from finetune.recipe.augmentations import switches
from finetune.training.learner import Learner

Batches = DataLoader[tuple[torch.Tensor, int]]


def batch_size_of(recipe: Recipe) -> int:
    """Return the images of a batch; ``recipe`` is resolved."""
    assert recipe.batch_size is not None
    return recipe.batch_size


def transform_of(learner: Learner, recipe: Recipe) -> TrainingTransform:
    """Return the training path that ``recipe`` asks for, at the full size."""
    return TrainingTransform(
        learner.preprocessing, recipe.augment or "none", recipe.seed, switches=switches(recipe)
    )


def growth_of(recipe: Recipe) -> Growth | None:
    """Return how the input grows over the epochs of ``recipe``, which is resolved; None where it does not."""
    if recipe.grow_from is None:
        return None
    assert recipe.image_size is not None
    assert recipe.epochs is not None
    return Growth(recipe.grow_from, recipe.image_size, recipe.epochs)


def train_batches(learner: Learner, recipe: Recipe) -> Batches:
    """Return the shuffled batches of all training images, growing from epoch to epoch where that is asked."""
    transform = replace(transform_of(learner, recipe), growth=growth_of(recipe))
    return _batches(learner, recipe, learner.split.train, transform)


def some_train_batches(learner: Learner, recipe: Recipe, n_batches: int) -> Batches:
    """Return ``n_batches`` batches, or what there is, at full size, of images spread over all."""
    images = learner.split.train
    n_images = min(len(images), n_batches * batch_size_of(recipe))
    rows = np.linspace(0, len(images) - 1, n_images).round().astype(int)
    return _batches(learner, recipe, [images[row] for row in rows], transform_of(learner, recipe))


def val_batches(learner: Learner, recipe: Recipe) -> Batches:
    """Return the validation images through the measuring path, in order."""
    split = learner.split
    return labelled_loader(
        *_paths_and_targets(split, split.val), learner.preprocessing, workers=recipe.workers, keep=True
    )


def _batches(
    learner: Learner, recipe: Recipe, images: Sequence[LabelledImage], transform: TrainingTransform
) -> Batches:
    return training_loader(
        *_paths_and_targets(learner.split, images),
        transform,
        batch_size=batch_size_of(recipe),
        workers=recipe.workers,
        balanced=recipe.class_balance == "sampler",
        keep=True,
    )


def _paths_and_targets(split: Split, images: Sequence[LabelledImage]) -> tuple[list[Path], list[int]]:
    return [image.path for image in images], split.indices(images)
