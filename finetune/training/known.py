"""After training: fit what tells known images from others, and sets of plausible classes, on images kept from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from finetune.bundle.bundle import Bundle, load_bundle
from finetune.data.loading import measuring_loader
from finetune.data.sources import LabelledImage
from finetune.data.transforms import TrainingTransform
from finetune.known.calibration import write_known
from finetune.known.conformal import Conformal, fit_conformal
from finetune.known.gaussian import MOST_ROWS
from finetune.known.reject import KEEP, Reject, fit_reject
from finetune.model.features import FloatArray
from finetune.progress import SILENT, Reporter
from finetune.recipe import Recipe
from finetune.training.feature_cache import Frozen
from finetune.training.folds import stratified_part
from finetune.training.frozen import feature_precision
from finetune.training.setup import Setup

FEWEST = 20
"""Validation images below which 95 % of them cannot be told from all."""


def fit_known(setup: Setup, recipe: Recipe, folder: Path, *, reporter: Reporter) -> None:
    """Fit both on the training and validation images and put them into the bundle ``folder``.

    With fewer than `FEWEST` validation images, or features that are no numbers, the bundle stays without; it is said.
    """
    val = setup.prepared.split.val
    if len(val) < FEWEST:
        reporter.say(
            f"note: {len(val)} validation images are too few to tell unknown images by ({FEWEST} are needed); "
            "the classifier always answers with one of its classes"
        )
        return
    bundle = load_bundle(folder)
    with reporter.track("learning what is known") as advance:
        held_out, logits = _outputs(bundle, val, recipe.workers)
        advance(1, 2)
        rows = stratified_part(_targets(setup, setup.prepared.split.train), MOST_ROWS, seed=recipe.seed)
        train = [setup.prepared.split.train[row] for row in rows]
        features = _features(setup, recipe, train)
        advance(2, 2)
    if not all(np.isfinite(array).all() for array in (held_out, logits, features)):
        reporter.say("warning: the network's outputs are not all numbers, so unknown images cannot be told")
        return
    targets = _targets(setup, val)
    reject = fit_reject(
        features, _targets(setup, train), held_out=held_out, logits=logits, held_out_targets=targets
    )
    conformal = fit_conformal(logits, targets, temperature=bundle.calibration.temperature)
    write_known(folder, reject=reject, conformal=conformal)
    reporter.say(_sentence(reject, conformal))


def _sentence(reject: Reject, conformal: Conformal) -> str:
    by = (
        "the distance of its features"
        if reject.kind == "distance"
        else "its features' distance or its energy"
    )
    measured = reject.left_out.get(reject.kind)
    told = "" if measured is None else f"; a class left out is told from the others with AUROC {measured:.2f}"
    return (
        f"an image is called unknown by {by}, at a threshold that keeps {100 * KEEP:.0f} % of "
        f"{len(conformal.scores)} validation images{told}"
    )


def _targets(
    setup: Setup, images: tuple[LabelledImage, ...] | list[LabelledImage]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array(setup.prepared.split.indices(images), dtype=np.int64)


def _outputs(
    bundle: Bundle, images: tuple[LabelledImage, ...], workers: int | None
) -> tuple[FloatArray, FloatArray]:
    """Return n x d features and n x K logits by the path that predictions take."""
    batches = measuring_loader([image.path for image in images], bundle.preprocessing, workers=workers)
    logits, features = zip(*(bundle.outputs(batch) for batch in batches), strict=True)
    return torch.cat(features).numpy(), torch.cat(logits).numpy()


def _features(setup: Setup, recipe: Recipe, images: list[LabelledImage]) -> FloatArray:
    """Return n x d features of training images as they are; from the cache where the layers below stayed frozen."""
    learner = setup.learner
    is_frozen = setup.resolved.defaults.solver == "closed-form"
    frozen = Frozen(
        learner,
        TrainingTransform(learner.preprocessing, "none", recipe.seed),
        feature_precision(learner, recipe),
        use_cache=is_frozen and recipe.cache != "off",
        workers=recipe.workers,
        max_minutes=None,
        reporter=SILENT,
    )
    return frozen.features([image.path for image in images], views=1)
