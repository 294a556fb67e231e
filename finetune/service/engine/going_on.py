"""What an earlier attempt at a job has left: how far it came, and the request by which the next one goes on."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

from finetune.service.answers_file import rows_done
from finetune.service.engine.job import Job
from finetune.service.result import read_result
from finetune.training.durable import UNFINISHED

RECORD, REPORT = "run.json", "report.json"
DISCARD = "discard"
"""An empty file in a training's job folder: nothing of it is to be kept once it has stopped."""


def going_on(job: Job) -> dict[str, Any]:
    """Return the job's request, to go on with the run that an earlier attempt has left."""
    request = {"kind": job.kind, **job.request}
    if job.kind != "fit":
        return request
    run = Path(job.request["out"])
    if (run / RECORD).exists():
        return {**request, "resume": True}
    # Killed while it wrote its first file: what is half there would pass for somebody's own.
    for left_over in run.glob(f"*{UNFINISHED}"):
        left_over.unlink(missing_ok=True)
    return request


def is_finished(job: Job) -> bool:
    """Whether an earlier attempt has finished the job's run, and was gone before it could say so."""
    return job.kind == "fit" and _record(job).get("state") == "finished"


def progress_of(job: Job, folder: Path) -> int:
    """Return how many steps of its kind are done for good: epochs of a training, rows of predictions, else 0.

    ``folder`` is where the job's processes work.
    """
    if job.kind == "predict":
        return rows_done(folder, str(job.request["file_format"]))
    return int(_record(job).get("epochs_done", 0)) if job.kind == "fit" else 0


def keep_run(job: Job) -> None:
    """Hold the name of a training's run folder while the job is queued."""
    if job.kind == "fit":
        Path(job.request["out"]).mkdir(parents=True, exist_ok=True)


def let_go_of_run(job: Job, folder: Path) -> None:
    """Give the name of a training's run folder back if nothing is in it: the job has ended without a beginning.

    What a training has is deleted where that was asked for (`DISCARD`), unless it has finished all the same.
    ``folder`` is where the job's processes worked.
    """
    if job.kind != "fit":
        return
    run = Path(job.request["out"])
    if (folder / DISCARD).exists() and not (run / REPORT).exists():
        shutil.rmtree(run, ignore_errors=True)
    with contextlib.suppress(OSError):
        run.rmdir()


def _record(job: Job) -> dict[str, Any]:
    return read_result(Path(job.request["out"]) / RECORD)
