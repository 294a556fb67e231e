"""Judge a solved head by k-fold cross-validation over all images of a set: for sets too small for one test split."""

from __future__ import annotations

import numpy as np

from finetune.data.health import HealthReport
from finetune.data.units import unit_numbers
from finetune.errors import DataError
from finetune.evaluation.cross_validation import CrossValidation, FoldScore
from finetune.evaluation.metrics import measure, softmax
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.folds import NEVER
from finetune.training.frozen import features_of
from finetune.training.head import solve_head
from finetune.training.learner import Learner
from finetune.training.out_of_fold import folds_of_units


def cross_validate(
    learner: Learner, health: HealthReport, recipe: Recipe, *, reporter: Reporter
) -> CrossValidation:
    """Score the head of ``recipe``, which is resolved, over its ``folds`` of train, val and test together.

    What belongs together is in one fold, and each fold's head, strength and all, is solved on the others alone. The
    learner's model is left as it is. Raises DataError where no two folds can be made.
    """
    assert recipe.folds is not None
    split = learner.split
    images = sorted((*split.train, *split.val, *split.test), key=lambda image: image.name)
    features = features_of(learner, images, recipe, reporter=reporter)
    targets = np.array(split.indices(images))
    folds = folds_of_units(targets, unit_numbers(images, health), n_folds=recipe.folds, seed=recipe.seed)
    numbers = [fold for fold in np.unique(folds) if fold != NEVER]
    if len(numbers) < 2:
        raise DataError(
            f"--folds {recipe.folds} needs a class with two images that do not belong together, but {health.where} "
            "has none; add images, or leave it out"
        )
    scores = []
    with reporter.track("cross-validating") as advance:
        for done, fold in enumerate(numbers, start=1):
            held_out = folds == fold
            solved = solve_head(
                features[~held_out],
                targets[~held_out],
                n_classes=len(split.class_names),
                seed=recipe.seed,
                balanced=recipe.class_balance == "weights",
            )
            metrics = measure(softmax(solved.logits(features[held_out])), targets[held_out])
            scores.append(FoldScore(metrics.n_images, metrics.accuracy, metrics.macro_f1))
            advance(done, len(numbers))
    return CrossValidation(tuple(scores), int((folds == NEVER).sum()))
