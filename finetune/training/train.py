"""Run a recipe on a data set, from images to a run folder with a report and a bundle."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from finetune.bundle.bundle import Bundle, load_bundle, write_bundle
from finetune.bundle.evaluate import evaluate
from finetune.evaluation.metrics import Metrics
from finetune.evaluation.pictures import draw_confusion
from finetune.evaluation.report import Report
from finetune.model.freezing import trainable_share
from finetune.model.weights import NO_WEIGHTS
from finetune.progress import SILENT, Reporter
from finetune.recipe import AUTO, Recipe
from finetune.training.learner import Learner, build_learner
from finetune.training.prepare import Prepared, prepare
from finetune.training.resolve import Resolved, resolve
from finetune.training.run_folder import (
    CHECKPOINTS,
    RunFolder,
    claim_folder,
    claim_next_folder,
    refuse_inside_data,
)
from finetune.training.run_log import RunLog
from finetune.training.ways import Outcome, train_by_gradient, train_head_only


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, what it reports, and the recipe that repeats it."""

    folder: RunFolder
    report: Report
    recipe: Recipe

    def load_bundle(self) -> Bundle:
        """Return the trained classifier."""
        return load_bundle(self.folder.bundle)


@dataclass
class _Clock:
    """Wall-clock seconds by phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    @property
    def minutes(self) -> float:
        return sum(self.seconds.values()) / 60


def fit(
    where: str | Path,
    recipe: Recipe | None = None,
    *,
    out: Path | None = None,
    offline: bool = False,
    reporter: Reporter = SILENT,
) -> Run:
    """Fine-tune on the images of ``where`` and return the finished run.

    ``out`` is the run's folder itself and must be empty or absent; the default is the next free
    ``checkpoints/<data>-<strategy>-<n>``. A run that fails before training begins leaves no folder behind.
    Raises FinetuneError, whose subclasses tell data, weights, options, resources and run state apart.
    """
    recipe = recipe or Recipe()
    clock, log = _Clock(), RunLog(reporter)
    refuse_inside_data(out or CHECKPOINTS, where)
    folder = None if out is None else claim_folder(out)
    try:
        with clock.phase("prepare"):
            prepared = prepare(where, recipe, offline=offline, reporter=log)
        resolved = _choose(prepared, recipe, log)
        with clock.phase("build"):
            learner = build_learner(prepared, resolved)
    except BaseException:
        if folder is not None:
            folder.discard()
        raise
    folder = folder or claim_next_folder(str(where), resolved.recipe.strategy)
    log.open(folder.log)
    try:
        return _train_and_report(prepared, resolved, learner, recipe, folder, clock, log)
    except BaseException as error:
        log.note(f"ended early: {str(error) or type(error).__name__}")
        raise


def _choose(prepared: Prepared, recipe: Recipe, reporter: Reporter) -> Resolved:
    """Settle the strategy and say why."""
    strategy = recipe.strategy
    if strategy == AUTO and prepared.advice is None:
        strategy = "from-scratch"
        reporter.say("strategy from-scratch: without pretrained weights there is nothing to keep")
    elif prepared.advice is not None:
        strategy = prepared.advice.strategy
        reporter.say(f"strategy {strategy}: {prepared.advice.reason}")
        for warning in prepared.advice.warnings:
            reporter.say(f"warning: {warning}")
    # The file's full path, so that the recipe repeats the run from any folder.
    file = str(prepared.weights.path and prepared.weights.path.resolve())
    source = {"cache": "hub", "file": file}.get(prepared.weights.source, prepared.weights.source)
    weights = "none" if strategy == "from-scratch" else source
    resolved = resolve(
        recipe,
        strategy=strategy,
        backbone=prepared.backbone,
        weights=weights,
        n_train=len(prepared.split.train),
    )
    for note in resolved.notes:
        reporter.say(note)
    return resolved


def _train_and_report(
    prepared: Prepared,
    resolved: Resolved,
    learner: Learner,
    asked: Recipe,
    folder: RunFolder,
    clock: _Clock,
    log: RunLog,
) -> Run:
    recipe, split = resolved.recipe, prepared.split
    folder.recipe.write_text(recipe.to_yaml(), encoding="utf-8")
    with clock.phase("train"):
        outcome = _train(learner, resolved, folder, clock.minutes, log)
    with clock.phase("write"):
        folder.recipe.write_text(outcome.recipe.to_yaml(), encoding="utf-8")
        write_bundle(
            folder.bundle,
            learner.model,
            backbone=prepared.backbone,
            class_names=split.class_names,
            preprocessing=learner.preprocessing,
        )
    with clock.phase("evaluate"):
        metrics = _judge(prepared, folder, recipe, log)
    report = _report(prepared, learner, outcome, metrics, asked=asked, seconds=clock.seconds)
    report.write(folder.report)
    draw_confusion(np.array(metrics.confusion), split.class_names, _title(report), folder.confusion)
    log.note(report.sentence())
    return Run(folder, report, outcome.recipe)


def _train(
    learner: Learner, resolved: Resolved, folder: RunFolder, minutes_spent: float, reporter: Reporter
) -> Outcome:
    if resolved.defaults.solver == "closed-form":
        return train_head_only(learner, resolved.recipe, folder, reporter)
    return train_by_gradient(learner, resolved, folder, minutes_spent, reporter)


def _judge(prepared: Prepared, folder: RunFolder, recipe: Recipe, reporter: Reporter) -> Metrics:
    """Score the bundle as it lies on disk: what is reported is what will be served."""
    images = prepared.split.test or prepared.split.val
    with reporter.track("evaluating") as advance:
        return evaluate(load_bundle(folder.bundle), images, workers=recipe.workers, advance=advance)


def _report(
    prepared: Prepared,
    learner: Learner,
    outcome: Outcome,
    metrics: Metrics,
    *,
    asked: Recipe,
    seconds: Mapping[str, float],
) -> Report:
    recipe, split = outcome.recipe, prepared.split
    record = NO_WEIGHTS if recipe.weights == "none" else prepared.weights
    return Report(
        strategy=recipe.strategy,
        strategy_requested=asked.strategy,
        backbone=prepared.backbone.name,
        weights={
            "source": record.source,
            "origin": record.origin,
            "sha256": record.sha256,
            "licence": record.licence,
        },
        metrics=metrics,
        accuracy_split="test" if split.test else "val",
        selection_split=outcome.selection_split,
        n_images={"train": len(split.train), "val": len(split.val), "test": len(split.test)},
        class_names=split.class_names,
        trainable_share=trainable_share(learner.grouping, learner.plan),
        image_size=learner.preprocessing.image_size,
        seconds_by_phase=dict(seconds),
        seed=recipe.seed,
        stopped=outcome.stopped,
        advice=None if prepared.advice is None else prepared.advice.to_json(),
        quarantined=len(prepared.health.quarantine),
    )


def _title(report: Report) -> str:
    metrics = report.metrics
    return f"{100 * metrics.accuracy:.1f} % of {metrics.n_images} {report.accuracy_split} images right"
