"""A job as the table has it."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from typing import Any, Literal, get_args

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
STATES: tuple[State, ...] = get_args(State)
ENDED: tuple[State, ...] = ("done", "failed", "cancelled", "interrupted")
AGAIN: tuple[State, ...] = ("failed", "cancelled", "interrupted")
"""What can be tried again, going on where it ended."""

Lane = Literal["training", "quick"]
LANES: dict[str, Lane] = {
    "fit": "training",
    "suspects": "training",
    "backbones": "training",
    "predict": "training",
    "analyse": "quick",
    "clean": "quick",
    "preview": "quick",
    "trial": "quick",
    "export": "quick",
}
"""Which queue a kind of work stands in: what loads a device waits its turn, what people wait for does not."""


@dataclass(frozen=True)
class Job:
    """What was asked for and what became of it.

    ``sequence`` is its place in the order of asking; ``attempt`` counts from 1. Times are ISO 8601 in UTC. ``pid``
    and ``process_started`` name the process at work, which together are never another one's. ``folder`` is where it
    works, empty for `finetune.service.engine.place.job_folder`'s own choice. ``cut_off`` counts the times in a row
    that its process was gone without having come further than ``progress``, in steps of its kind (epochs of a
    training, rows of predictions). ``home`` was the database's folder when it was asked for; the
    paths in ``request`` that lay below it lie below the present one.
    """

    sequence: int
    id: str
    owner: str
    kind: str
    title: str
    lane: Lane
    request: dict[str, Any]
    priority: int
    state: State
    attempt: int
    cancel_asked: bool
    device: str | None
    pid: int | None
    process_started: str | None
    created: str
    started: str | None
    ended: str | None
    error: str
    exit_code: int | None
    idempotency_key: str | None
    folder: str = ""
    progress: int = -1
    cut_off: int = 0
    home: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens unless somebody asks for it."""
        return self.state in ENDED


def job_of(row: sqlite3.Row, home: str) -> Job:
    """Return the job of a row of the table whose database lies in the folder ``home``."""
    values = dict(row)
    request = _moved(json.loads(values["request"]), values["home"], home)
    return Job(**{**values, "request": request, "cancel_asked": bool(values["cancel_asked"])})


def _moved(value: Any, before: str, now: str) -> Any:
    """Return ``value`` with each path in it below ``before`` as one below ``now``."""
    if not before or before == now:
        return value
    if isinstance(value, dict):
        return {name: _moved(each, before, now) for name, each in value.items()}
    if isinstance(value, list):
        return [_moved(each, before, now) for each in value]
    if isinstance(value, str) and value.startswith(before + os.sep):
        return now + value.removeprefix(before)
    return value
