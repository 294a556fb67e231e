"""The jobs of a data folder for the terminal, and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.markup import escape
from rich.table import Table

from finetune.page.markup import time_words
from finetune.service.engine.job import Job
from finetune.service.status import Status
from ui.present import table

SHORT_ID = 8
"""So much of an id is shown, and is enough to name a job as long as it is the only one that begins so."""
STYLES = {"failed": "red", "interrupted": "yellow", "cancelled": "yellow", "running": "bold"}


def job_json(job: Job, status: Status) -> dict[str, Any]:
    """Return what ``finetune jobs show --json`` says; times are ISO 8601 in UTC."""
    return {
        "id": job.id,
        "kind": job.kind,
        "title": job.title,
        "owner": job.owner,
        "state": job.state,
        "lane": job.lane,
        "priority": job.priority,
        "attempt": job.attempt,
        "cancel_asked": job.cancel_asked,
        "device": job.device,
        "pid": job.pid,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "error": status.error if job.has_ended else job.error,
        "exit_code": job.exit_code,
        "phase": status.phase,
        "done": status.done,
        "total": status.total,
        "left_s": status.left_s,
        "run": job.request.get("out"),
        "request": job.request,
    }


def jobs_table(jobs: Iterable[tuple[Job, Status]]) -> Table:
    """List jobs, each with where it is."""
    made = table("id", "state", "kind", "what", "asked for", "attempt", "how far", right=("attempt",))
    for job, status in jobs:
        made.add_row(
            job.id[:SHORT_ID],
            job.state,
            job.kind,
            escape(job.title),
            job.created,
            str(job.attempt),
            escape(_how_far(job, status)),
            style=STYLES.get(job.state),
        )
    return made


def job_table(job: Job, status: Status) -> Table:
    """Show one job, a line for each thing that is known of it."""
    made = table("", "")
    made.show_header = False
    values = job_json(job, status)
    for name in ("phase", "done", "total", "left_s", "request"):
        del values[name]
    values |= {"how far": _how_far(job, status)}
    for name, value in values.items():
        if value not in (None, "", False):
            made.add_row(name.replace("_", " "), escape(str(value)))
    return made


def _how_far(job: Job, status: Status) -> str:
    if job.has_ended:
        return status.error
    if job.state == "queued":
        return f"waits; {job.error}" if job.error else "waits"
    counted = f"{status.done:,} of {status.total:,}" if status.total > 1 else ""
    left = "" if status.left_s is None else f"{time_words(status.left_s)} left"
    return ", ".join(part for part in (status.phase, counted, left) if part)
