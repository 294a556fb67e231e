"""Decide for each job, before anything starts, what is left of it to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from finetune.batch.folder import BatchFolder
from finetune.batch.job import Job
from finetune.batch.ledger import Row
from finetune.batch.queue import known_rows
from finetune.batch.rows import finished_row, has_begun, read_report
from finetune.errors import FinetuneError
from finetune.failure import explain
from finetune.progress import SILENT, Reporter
from finetune.recipe import Recipe

Action = Literal["keep", "resume", "start", "fail"]

Fingerprint = Callable[[Path, tuple[str, ...]], str]
"""From a data set's path and the classes to leave out to the hash of its images."""


@dataclass(frozen=True)
class Task:
    """What to do about a job, and the row that stands until something has been done.

    ``keep``: nothing, the row holds. ``resume``: go on in the row's run folder. ``start``: begin in a new one.
    ``fail``: the data cannot be had, the row says why.
    """

    job: Job
    action: Action
    row: Row
    recipe: Recipe
    data: str


def plan(
    jobs: Sequence[Job],
    folder: BatchFolder,
    *,
    retry_failed: bool,
    max_minutes: float | None,
    offline: bool = False,
    reporter: Reporter = SILENT,
) -> list[Task]:
    """Return the tasks of ``jobs``, in their order."""
    names = [job.name for job in jobs]
    before, fingerprint = known_rows(folder, names), _Fingerprints(offline=offline, reporter=reporter)
    return [
        _task(job, before.get(job.name), folder, fingerprint, retry_failed, _held_to(job.recipe, max_minutes))
        for job in jobs
    ]


def _task(
    job: Job,
    before: Row | None,
    folder: BatchFolder,
    fingerprint: Fingerprint,
    retry_failed: bool,
    recipe: Recipe,
) -> Task:
    pending = Row(job.name, "pending", data=job.data, strategy=recipe.strategy)
    try:
        data = folder.data_of(job)
        key = key_of(recipe, fingerprint(data, recipe.exclude))
    except (FinetuneError, OSError) as error:
        failed = replace(pending, state="failed", error=explain(error)[0])
        return Task(job, "fail", failed, recipe, job.data)
    row = replace(pending, key=key)
    if before is None or before.key != key:
        return Task(job, "start", row, recipe, str(data))
    run = str(folder.run(Path(before.run).name)) if before.run else ""
    known = replace(before, data=job.data, strategy=recipe.strategy, run=run)
    return Task(job, *_decision(known, row, retry_failed), recipe, str(data))


def _decision(before: Row, pending: Row, retry_failed: bool) -> tuple[Action, Row]:
    """Return what to do about a job that was at work before on the same data with the same recipe."""
    report = read_report(Path(before.run)) if before.run else None
    if report is not None:
        return "keep", finished_row(before, report)
    if before.state == "failed" and not retry_failed:
        return "keep", before
    if before.run and has_begun(Path(before.run)):
        return "resume", before
    return "start", pending


def _held_to(recipe: Recipe, max_minutes: float | None) -> Recipe:
    if max_minutes is None or (recipe.max_minutes is not None and recipe.max_minutes <= max_minutes):
        return recipe
    return recipe.with_changes(max_minutes=max_minutes)


def key_of(recipe: Recipe, fingerprint: str) -> str:
    """Return 64 hex digits for a recipe and the images it is meant for.

    Settings at their default are left out, so that a setting which a later version adds redoes nothing; so is
    the number of loader processes, which changes no result. Files count by their bytes.
    """
    fields = recipe.model_dump(mode="json", exclude_defaults=True, exclude={"workers"})
    fields |= {name: _sha256(path) for name, path in recipe.files.items()}
    text = json.dumps([fields, fingerprint], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return str(path)  # the job itself will say what is wrong with it


class _Fingerprints:
    """Hashes each data set once, however many jobs train on it."""

    def __init__(self, *, offline: bool, reporter: Reporter) -> None:
        self._offline, self._track = offline, reporter.track
        self._known: dict[tuple[Path, tuple[str, ...]], str] = {}

    def __call__(self, data: Path, exclude: tuple[str, ...]) -> str:
        from finetune.data.fingerprint import fingerprint
        from finetune.data.sources import open_source

        what = (data, tuple(sorted(exclude)))
        if what not in self._known:
            source = open_source(data, exclude=exclude, offline=self._offline, track=self._track)
            self._known[what] = fingerprint(source)
        return self._known[what]
