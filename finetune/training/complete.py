"""From a network that is set up to a finished run: train, write the bundle, judge it, report."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.bundle.bundle import Bundle, load_bundle, write_bundle
from finetune.bundle.card import card_text
from finetune.bundle.manifest import add_files, count_in
from finetune.bundle.reference import N_IMAGES
from finetune.data.places import short_name
from finetune.data.sources import LabelledImage
from finetune.evaluation.report import Report
from finetune.known.calibration import FILES, write_temperature
from finetune.model.freezing import trainable_share
from finetune.model.weights import NO_WEIGHTS
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.baselines import find_baselines
from finetune.training.careful import augmentation_json
from finetune.training.determinism import deterministic
from finetune.training.ending import ended_early
from finetune.training.experience import note_training
from finetune.training.journal import Journal
from finetune.training.judging import Verdict, judge_run
from finetune.training.known import fit_known
from finetune.training.report_files import hashes_of, peak_memory, write_pictures, write_report
from finetune.training.run_folder import RunFolder
from finetune.training.run_log import RunLog
from finetune.training.run_record import now
from finetune.training.saved_states import SavedStates
from finetune.training.setup import Setup
from finetune.training.stop import Stop
from finetune.training.ways import Outcome, train_by_gradient, train_head_only


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, what it reports, the recipe that repeats it, and where its images lay."""

    folder: RunFolder
    report: Report
    recipe: Recipe
    data: str

    def load_bundle(self) -> Bundle:
        """Return the trained classifier."""
        return load_bundle(self.folder.bundle)


def complete(setup: Setup, journal: Journal, *, stop: Stop, log: RunLog) -> Run:
    """Train and report in the journal's folder, from its saved state if there is one.

    Raises Interrupted when ``stop`` was asked, after keeping the best so far; RunError when the folder is
    gone; and the FinetuneError or OSError that ended it. Each leaves a folder that `resume` can go on with.
    """
    try:
        log.open(journal.folder.log)
        return _train_and_report(setup, journal, stop, log)
    except BaseException as error:  # noqa: BLE001 - each way to end leaves its record
        raise ended_early(error, setup, journal, stop, log, keep=put_bundle) from None


def _train_and_report(setup: Setup, journal: Journal, stop: Stop, log: RunLog) -> Run:
    folder = journal.folder
    journal.write_recipe(setup.resolved.recipe)
    with journal.phase("train"):
        outcome = _train(setup, journal, stop, log)
    with journal.phase("write"):
        journal.write_recipe(outcome.recipe)
        put_bundle(folder, setup)
    with journal.phase("evaluate"):
        verdict = judge_run(setup, folder, log)
    with journal.phase("calibrate"):
        write_temperature(folder.bundle, verdict.calibration.to_json())
        count_in(folder.bundle, FILES)
        fit_known(setup, outcome.recipe, folder.bundle, reporter=log)
        count_in(folder.bundle, FILES)
    with journal.phase("baselines"):
        baselines = _baselines(setup, journal, verdict, log)
    with journal.phase("report"):
        pictures = write_pictures(folder, verdict)
        hashes = hashes_of(folder, journal.record.fingerprint)
    report = _report(setup, journal, outcome, verdict, baselines, hashes)
    write_report(folder, report, pictures, data=setup.prepared.where)
    _tell_the_bundle(folder, setup, report)
    for sentence in report.sentences():
        log.note(sentence)
    journal.update(state="finished", ended=now(), error=None)
    note_training(journal.record, Recipe.make(**journal.record.asked), report)
    SavedStates(folder.states).remove()
    return Run(folder, report, outcome.recipe, setup.prepared.where)


def _train(setup: Setup, journal: Journal, stop: Stop, reporter: Reporter) -> Outcome:
    with deterministic(setup.resolved.recipe.deterministic):
        if setup.resolved.defaults.solver == "closed-form":
            return train_head_only(
                setup.learner, setup.prepared.health, setup.resolved.recipe, journal.folder, reporter
            )
        return train_by_gradient(setup.learner, setup.resolved, journal, stop=stop, reporter=reporter)


def put_bundle(folder: RunFolder, setup: Setup) -> None:
    """Write the learner's network as the run's bundle, in place of one that an interruption left."""
    fresh, former = folder.path / ".bundle.new", folder.path / ".bundle.old"
    for left_over in (fresh, former, folder.path / ".bundle.new.tmp", folder.path / "..bundle.new.tmp"):
        shutil.rmtree(left_over, ignore_errors=True)
    write_bundle(
        fresh,
        setup.learner.model,
        backbone=setup.prepared.backbone,
        class_names=setup.prepared.split.class_names,
        preprocessing=setup.learner.preprocessing,
        references=_spread(setup.prepared.split.val),
    )
    with contextlib.suppress(FileNotFoundError):
        folder.bundle.rename(former)
    fresh.rename(folder.bundle)
    shutil.rmtree(former, ignore_errors=True)


def _baselines(setup: Setup, journal: Journal, verdict: Verdict, reporter: Reporter) -> dict[str, Any]:
    most = setup.resolved.recipe.max_minutes
    in_time = most is None or journal.minutes < most
    return find_baselines(setup, verdict.images, verdict.summary.metrics, in_time=in_time, reporter=reporter)


def _tell_the_bundle(folder: RunFolder, setup: Setup, report: Report) -> None:
    """Put the recipe, the report and the model card into the bundle, so that it can be given away alone."""
    prepared = setup.prepared
    card = card_text(
        report.to_json(),
        preprocessing=setup.learner.preprocessing,
        base_model=prepared.backbone.hub_id,
        data=short_name(prepared.where),
        hub_set=prepared.where.removeprefix("hf:") if prepared.where.startswith("hf:") else "",
    )
    texts = {path.name: path.read_text(encoding="utf-8") for path in (folder.recipe, folder.report)}
    add_files(folder.bundle, {**texts, "MODEL_CARD.md": card})


def _spread(images: Sequence[LabelledImage]) -> list[Path]:
    """Return as many images as a bundle keeps, from all over the list and so of different classes."""
    step = max(1, len(images) // N_IMAGES)
    return [image.path for image in images[::step]]


def _report(
    setup: Setup,
    journal: Journal,
    outcome: Outcome,
    verdict: Verdict,
    baselines: Mapping[str, Any],
    hashes: Mapping[str, str],
) -> Report:
    prepared, learner, recipe = setup.prepared, setup.learner, outcome.recipe
    split = prepared.split
    weights = NO_WEIGHTS if recipe.weights == "none" else prepared.weights
    return Report(
        strategy=recipe.strategy,
        strategy_requested=journal.record.strategy_requested,
        backbone=prepared.backbone.name,
        weights={
            "source": weights.source,
            "origin": weights.origin,
            "sha256": weights.sha256,
            "licence": weights.licence,
        },
        metrics=verdict.summary.metrics,
        accuracy_split=verdict.split,
        selection_split=outcome.selection_split,
        n_images={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        class_names=split.class_names,
        trainable_share=trainable_share(learner.grouping, learner.plan),
        image_size=learner.preprocessing.image_size,
        seconds_by_phase=dict(journal.record.seconds),
        seed=recipe.seed,
        stopped=outcome.stopped,
        notes=outcome.notes,
        advice=journal.record.advice,
        corrections={
            c.option.removeprefix("--").replace("-", "_"): c.to_json() for c in prepared.corrections
        },
        quarantined=len(prepared.health.quarantine),
        combined=outcome.combined,
        augmentation=augmentation_json(recipe, split.class_names),
        judged=verdict.summary.to_json(),
        baselines=baselines,
        peak_memory=peak_memory(),
        hashes=hashes,
    )
