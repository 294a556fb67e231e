"""Judge a finished run by its bundle as it lies on disk: what is reported is what will be served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from finetune.bundle.bundle import load_bundle
from finetune.bundle.evaluate import say_of
from finetune.cache.digests import content_digests
from finetune.data.sources import LabelledImage
from finetune.evaluation.calibration import FEWEST_IMAGES, Calibration, calibrate
from finetune.evaluation.predictions import Predictions
from finetune.evaluation.summary import Summary, summarise
from finetune.progress import Advance, Reporter
from finetune.training.folds import NEVER, stratified_folds
from finetune.training.frozen import features_of
from finetune.training.head import FOLDS
from finetune.training.out_of_fold import out_of_fold
from finetune.training.run_folder import RunFolder
from finetune.training.setup import Setup


@dataclass(frozen=True)
class Verdict:
    """What the bundle said of the judged ``images``, of ``split``, and of the validation images, and its sum."""

    split: str
    images: Sequence[LabelledImage]
    predictions: Predictions
    val: Predictions | None
    summary: Summary

    @property
    def calibration(self) -> Calibration:
        """Return the temperature that the bundle should answer with."""
        return self.summary.calibration


@dataclass
class _Count:
    """Counts on from the images of the split ``before``."""

    advance: Advance
    total: int
    before: int = 0

    def __call__(self, done: int, _: int) -> None:
        self.advance(self.before + done, self.total)


def judge_run(setup: Setup, folder: RunFolder, reporter: Reporter) -> Verdict:
    """Let the run's bundle answer on test, else val; its temperature is fitted on val alone (see `_calibrate`)."""
    split, workers = setup.prepared.split, setup.resolved.recipe.workers
    bundle = load_bundle(folder.bundle)
    said: dict[str, Predictions] = {}
    with reporter.track("evaluating") as advance:
        count = _Count(advance, len(split.test) + len(split.val))
        for name, images in (("test", split.test), ("val", split.val)):
            if images:
                said[name] = say_of(bundle, images, workers=workers, advance=count)
                count.before += len(images)
    judged, images = ("test", split.test) if split.test else ("val", split.val)
    digests = tuple(digest.hex() for digest in content_digests(image.path for image in images))
    said[judged] = replace(said[judged], digests=digests)
    calibration = _calibrate(setup, said.get("val"), reporter)
    summary = summarise(
        said[judged],
        calibration,
        seed=setup.resolved.recipe.seed,
        own_images=judged == "val" and calibration.fitted_on == "val",
    )
    return Verdict(judged, images, said[judged], said.get("val"), summary)


def _calibrate(setup: Setup, val: Predictions | None, reporter: Reporter) -> Calibration:
    """Fit the temperature on val; where that is too small, a solved head's on what it says of images it left out."""
    n_val = 0 if val is None else len(val.targets)
    if val is not None and n_val >= FEWEST_IMAGES:
        return calibrate(val.logits, val.targets, fitted_on="val")
    is_solved = setup.resolved.defaults.solver == "closed-form"
    if is_solved and len(setup.prepared.split.train) >= FEWEST_IMAGES:
        return _out_of_fold(setup, reporter)
    reason = f"the {n_val} validation images are too few to fit a temperature to ({FEWEST_IMAGES} are needed)"
    return Calibration(n_images=n_val, reason=reason)


def _out_of_fold(setup: Setup, reporter: Reporter) -> Calibration:
    split, recipe = setup.prepared.split, setup.resolved.recipe
    targets = np.array(split.indices(split.train))
    folds = stratified_folds(targets, n_folds=FOLDS, seed=recipe.seed)
    features = features_of(setup.learner, split.train, recipe, reporter=reporter)
    found = out_of_fold(
        features,
        targets,
        folds,
        n_classes=len(split.class_names),
        seed=recipe.seed,
        balanced=recipe.class_balance == "weights",
    )
    known = folds != NEVER
    logits = np.log(np.clip(found[known], 1e-12, 1)).astype(np.float32)
    return calibrate(logits, targets[known], fitted_on="out-of-fold")
