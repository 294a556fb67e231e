"""The row of a job: what the engine says of its state, and its run of what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from finetune.batch.folder import BatchFolder
from finetune.batch.ledger import Row, State
from finetune.service.engine.going_on import RECORD
from finetune.service.engine.job import Job as Queued
from finetune.service.engine.place import job_folder
from finetune.service.engine.standing import standing

UNTOLD = "the batch ended before this job did"
GOES_ON = "interrupted; the same command goes on with it"
STATES: Mapping[str, State] = {"failed": "failed", "cancelled": "interrupted", "interrupted": "interrupted"}


def row_of(row: Row, queued: Queued, folder: BatchFolder) -> Row:
    """Return ``row``, which says what the job is, with what has become of it so far."""
    run = run_of(queued, folder)
    if queued.state == "queued":
        # Where an earlier attempt has left something, that is more than a job which waits.
        return replace(row, state="interrupted", run=str(run), error=GOES_ON) if has_begun(run) else row
    if queued.state == "running":
        return replace(row, state="interrupted", run=str(run), error=UNTOLD)
    if queued.state == "done":
        return _done(replace(row, run=str(run)))
    return replace(
        row,
        state=STATES[queued.state],
        run=str(run) if run.is_dir() else "",
        error=standing(job_folder(folder.path, queued), queued).error,
        seconds=_seconds(queued),
    )


def _done(row: Row) -> Row:
    report = read_report(Path(row.run))
    if report is None:
        return replace(row, state="failed", error=f"the run folder {row.run} holds no whole report")
    return finished_row(row, report)


def finished_row(row: Row, report: Mapping[str, Any]) -> Row:
    """Return ``row`` with what the run's report says."""
    low, high = report["accuracy_interval"]
    taken = ("accuracy", "seconds", "strategy", "backbone", "image_size", "accuracy_split", "n_correct")
    counts = ("n_train", "n_val", "n_test", "stopped", "macro_f1")
    values = {name: report[name] for name in (*taken, *counts)}
    return replace(row, state="finished", error="", accuracy_interval=(low, high), **values)


def read_report(run: Path) -> dict[str, Any] | None:
    """Return the report of a finished run, None where there is none that is whole."""
    try:
        report: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
        finished_row(Row("", "pending"), report)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return report


def run_of(queued: Queued, folder: BatchFolder) -> Path:
    """Return the job's run folder; the batch may have been moved since it was queued."""
    return folder.run(Path(queued.request["out"]).name)


def has_begun(run: Path) -> bool:
    """Whether there is a run in the folder to go on with."""
    return (run / RECORD).exists()


def _seconds(queued: Queued) -> float:
    """Return how long the job's last attempt has taken, 0 for one that never began."""
    if queued.started is None or queued.ended is None:
        return 0.0
    took = datetime.fromisoformat(queued.ended) - datetime.fromisoformat(queued.started)
    return max(0.0, took.total_seconds())
