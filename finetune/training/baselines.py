"""What is easy to get on the images that judge a run: nearest neighbours and a linear probe on frozen features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.advice.measures.neighbours import NEIGHBOURS, neighbour_calls
from finetune.data.sources import LabelledImage
from finetune.errors import FinetuneError, WeightsError
from finetune.evaluation.metrics import Metrics, wilson_interval
from finetune.model.backbones import PACKAGED_BACKBONE, Backbone, find_backbone
from finetune.model.build import build
from finetune.model.features import FloatArray
from finetune.model.layers import layer_groups
from finetune.model.weights import WeightsRecord, locate_weights
from finetune.progress import Reporter
from finetune.training.folds import IntArray, stratified_part
from finetune.training.frozen import features_of
from finetune.training.head import solve_head
from finetune.training.learner import Learner, options_of
from finetune.training.loaders import transform_of
from finetune.training.resolve import preprocessing_of
from finetune.training.setup import Setup

MOST_LEARNT, MOST_JUDGED = 5_000, 2_000
"""Images that are looked at where the run itself has computed the features of its training images..."""

MOST_LEARNT_ANEW, MOST_JUDGED_ANEW = 1_000, 500
"""...and where it has not: seconds, not minutes."""

BASELINES = ("knn", "linear_probe")
Faults = (FinetuneError, OSError, MemoryError, RuntimeError, ValueError)


class _Counts:
    """Shows how far the work is; what training would say of it, such as how long it takes, is not for a reader."""

    def __init__(self, reporter: Reporter) -> None:
        self.track = reporter.track

    def say(self, text: str) -> None:
        """Drop the text."""


@dataclass(frozen=True)
class Probed:
    """Features n x d of training images and m x d of judged ones, their classes, and how they came about."""

    learnt: FloatArray
    learnt_classes: IntArray
    judged: FloatArray
    judged_classes: IntArray
    how: str


def find_baselines(
    setup: Setup, judged: Sequence[LabelledImage], metrics: Metrics, *, in_time: bool, reporter: Reporter
) -> dict[str, Any]:
    """Return the baselines on the ``judged`` images by name, each with its accuracy and 95 % interval.

    One that cannot be had has ``left_out`` with the reason instead: a finished run does not fail for it.
    """
    found: dict[str, Any] = {
        "majority": _accuracy(round(metrics.majority_accuracy * metrics.n_images), metrics.n_images)
    }
    if not in_time:
        return found | _none("the time that --max-minutes gives was over")
    try:
        probed = _probe(setup, judged, _Counts(reporter))
    except Faults as error:
        return found | _none(_reason(error))
    calls: dict[str, Callable[[], NDArray[np.int64]]] = {
        "knn": lambda: _neighbours(probed),
        "linear_probe": lambda: _probe_calls(probed, setup),
    }
    for name, call in calls.items():
        if name == "linear_probe" and _is_probe(setup):
            found[name] = {"left_out": "this classifier is one itself"}
            continue
        try:
            right = int((call() == probed.judged_classes).sum())
            found[name] = {**_accuracy(right, len(probed.judged_classes)), "how": probed.how}
        except Faults as error:
            found[name] = {"left_out": _reason(error)}
    return found


def _none(reason: str) -> dict[str, Any]:
    return {name: {"left_out": reason} for name in BASELINES}


def _accuracy(n_right: int, n_images: int) -> dict[str, Any]:
    return {
        "accuracy": n_right / n_images,
        "accuracy_interval": list(wilson_interval(n_right, n_images)),
        "n_images": n_images,
    }


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _is_probe(setup: Setup) -> bool:
    recipe = setup.resolved.recipe
    is_solved = setup.resolved.defaults.solver == "closed-form"
    return is_solved and not transform_of(setup.learner, recipe).is_augmented


def _probe(setup: Setup, judged: Sequence[LabelledImage], reporter: Reporter) -> Probed:
    split, recipe = setup.prepared.split, setup.resolved.recipe
    backbone, weights = _pretrained(setup)
    has_features = setup.resolved.defaults.solver == "closed-form" or recipe.head_first
    is_known = bool(has_features) and recipe.cache != "off"
    most = (MOST_LEARNT, MOST_JUDGED) if is_known else (MOST_LEARNT_ANEW, MOST_JUDGED_ANEW)
    chosen = [
        _part(images, split.indices(images), limit, recipe.seed)
        for images, limit in ((split.train, most[0]), (judged, most[1]))
    ]
    learner = _frozen_learner(setup, backbone, weights)
    features = [features_of(learner, images, recipe, reporter=reporter) for images in chosen]
    classes = [np.array(split.indices(images)) for images in chosen]
    how = f"read the features of {backbone.name} pretrained, at {learner.preprocessing.image_size} px"
    whole = (len(split.train), len(judged))
    if (len(chosen[0]), len(chosen[1])) != whole:
        how += f", of {len(chosen[0]):,} training images, and are judged on {len(chosen[1]):,} of the {whole[1]:,}"
    return Probed(features[0], classes[0], features[1], classes[1], how)


def _part(
    images: Sequence[LabelledImage], classes: Sequence[int], most: int, seed: int
) -> Sequence[LabelledImage]:
    return [images[row] for row in stratified_part(np.array(classes), most, seed=seed)]


def _pretrained(setup: Setup) -> tuple[Backbone, WeightsRecord]:
    """Return the run's own network and weights; else packaged ones, its own if there are, else the smallest's."""
    own, weights = setup.prepared.backbone, setup.prepared.weights
    if weights.source != "none":
        return own, weights
    backbone = own if own.packaged else find_backbone(PACKAGED_BACKBONE)
    try:
        return backbone, locate_weights(backbone, "packaged", offline=True)
    except WeightsError as error:
        raise WeightsError(
            f"the run began without pretrained weights, and none are packaged ({error})"
        ) from None


def _frozen_learner(setup: Setup, backbone: Backbone, weights: WeightsRecord) -> Learner:
    recipe, own = setup.resolved.recipe, setup.learner
    size = backbone.image_size if backbone.fixed_size else own.preprocessing.image_size
    options = options_of(recipe, backbone) if backbone == setup.prepared.backbone else {}
    model = build(backbone, n_classes=2, weights=weights, seed=recipe.seed, image_size=size, options=options)
    return Learner(model, layer_groups(model), own.plan, own.split, preprocessing_of(backbone, size))


def _neighbours(probed: Probed) -> NDArray[np.int64]:
    names = probed.learnt_classes.astype(str)
    return neighbour_calls(probed.learnt, names, probed.judged, k=NEIGHBOURS).astype(np.int64)


def _probe_calls(probed: Probed, setup: Setup) -> NDArray[np.int64]:
    recipe = setup.resolved.recipe
    solved = solve_head(
        probed.learnt,
        probed.learnt_classes,
        n_classes=len(setup.prepared.split.class_names),
        seed=recipe.seed,
        balanced=recipe.class_balance == "weights",
    )
    calls: NDArray[np.int64] = solved.logits(probed.judged).argmax(axis=1)
    return calls
