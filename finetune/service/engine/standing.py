"""Where a job is, for people: what its row in the table says, with what its process told."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from finetune.errors import INTERRUPTED_EXIT_CODE
from finetune.service.engine.job import Job, Lane
from finetune.service.engine.job import State as JobState
from finetune.service.engine.store import JobStore
from finetune.service.result import read_result
from finetune.service.status import State, Status, read_status

WAITING: Mapping[Lane, str] = {"training": "", "quick": "starting"}
"""What is said of a job that waits: nothing more where it waits for another one."""
STOPPING = "stopping at the next safe point"
"""What is said of a running job that was asked to stop."""
QUEUED = "job.json"
"""In a folder that somebody chose for a job: which database has it."""
STATES: Mapping[JobState, State] = {
    "done": "finished",
    "failed": "failed",
    "cancelled": "interrupted",
    "interrupted": "interrupted",
}


def standing(folder: Path, job: Job) -> Status:
    """Return where ``job``, whose processes work in ``folder``, is.

    One that was cut off and is to be gone on with waits, whatever its last process said.
    """
    told = read_status(folder / "status.json") or Status("running")
    if job.state == "queued":
        return Status("waiting", phase=WAITING[job.lane], said=told.said)
    if job.state == "running":
        return _running(job, told)
    error = job.error or told.error
    if job.state == "cancelled" and job.started is None:
        error = (
            f"cancelled before {'training' if job.kind == 'fit' else 'it'} began, so there is nothing to keep"
        )
    code = INTERRUPTED_EXIT_CODE if job.state == "cancelled" else job.exit_code
    return replace(told, state=STATES[job.state], left_s=None, error=error, exit_code=code)


def _running(job: Job, told: Status) -> Status:
    if job.pid is None:
        # What is told there is still the former attempt's.
        return Status("running", phase="starting", said=told.said)
    if told.state == "interrupted" and not job.cancel_asked:
        return Status("waiting", phase=WAITING[job.lane], said=told.said)
    if job.cancel_asked and not told.has_ended:
        return replace(told, phase=STOPPING, done=0, total=0, left_s=None)
    return told


def standing_in(folder: Path) -> Status | None:
    """Return where the newest job in ``folder`` is, None where the table has none."""
    database = read_result(folder / QUEUED).get("database")
    if not database:
        return None
    store = _store((folder.resolve() / database).resolve())
    job = store.newest_in(str(folder.resolve()))
    if job is None:
        return None
    told = standing(folder, job)
    return replace(told, n_before=store.n_before(job)) if told.state == "waiting" else told


@functools.lru_cache(maxsize=8)
def _store(database: Path) -> JobStore:
    """Return the store, which is made once: a page asks each second."""
    return JobStore(database)
