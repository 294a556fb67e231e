"""Features of a network that is not training, and the linear head solved on them."""

from __future__ import annotations

import time

import numpy as np
from torch import nn

from finetune.data.loading import measuring_loader
from finetune.model.features import FloatArray, extract_features
from finetune.model.layers import classifier_name
from finetune.progress import Reporter
from finetune.training.head import SolvedHead, solve_head
from finetune.training.head_steps import step_head
from finetune.training.learner import Learner

BATCH_SIZE = 16
TIMED_IMAGES = 8


def time_features(learner: Learner) -> float:
    """Return the measured seconds an image, decoding included, over a few training images after a warm-up."""
    paths = [image.path for image in learner.split.train[:TIMED_IMAGES]]
    for _ in range(2):
        started = time.perf_counter()
        loader = measuring_loader(paths, learner.preprocessing, batch_size=BATCH_SIZE, workers=0)
        extract_features(learner.model, learner.grouping, loader)
    return (time.perf_counter() - started) / len(paths)


def train_features(learner: Learner, *, workers: int | None, reporter: Reporter) -> FloatArray:
    """Return the classifier's inputs for the training images, n x d float32, in their order."""
    paths = [image.path for image in learner.split.train]
    done = 0
    loader = measuring_loader(paths, learner.preprocessing, batch_size=BATCH_SIZE, workers=workers)
    with reporter.track("computing features") as advance:

        def count(n_images: int) -> None:
            nonlocal done
            done += n_images
            advance(done, len(paths))

        return extract_features(learner.model, learner.grouping, loader, progress=count).penultimate


def begin_head(learner: Learner, features: FloatArray, *, seed: int, reporter: Reporter) -> None:
    """Fit the head on the training images' ``features`` before the layers below thaw, solved or by steps."""
    head = learner.model.get_submodule(classifier_name(learner.model))
    if isinstance(head, nn.Linear):
        fit_head(learner, features, seed=seed, reporter=reporter)
        return
    targets = np.array(learner.split.indices(learner.split.train))
    with reporter.track("fitting the head") as advance:
        step_head(head, features, targets, seed=seed, progress=advance)


def fit_head(learner: Learner, features: FloatArray, *, seed: int, reporter: Reporter) -> SolvedHead:
    """Solve the head on the training images' ``features`` and install it in the learner's model."""
    split = learner.split
    targets = np.array(split.indices(split.train))
    with reporter.track("solving the head") as advance:
        solved = solve_head(features, targets, n_classes=len(split.class_names), seed=seed, progress=advance)
    classifier = learner.model.get_submodule(classifier_name(learner.model))
    assert isinstance(classifier, nn.Linear)
    solved.install(classifier)
    return solved
