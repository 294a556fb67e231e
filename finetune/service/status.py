"""What a job's process tells the world: one small JSON file, replaced whole, several times a second."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, TextIO

from finetune.progress import Advance
from finetune.service.result import write_result

State = Literal["waiting", "running", "finished", "failed", "interrupted"]

LEAST_SECONDS_BETWEEN_WRITES = 0.2
MOST_SENTENCES = 200
ENDED = ("finished", "failed", "interrupted")


@dataclass(frozen=True)
class Status:
    """Where a job is.

    ``phase`` names the present work, of which ``done`` out of ``total`` steps are through; ``left_s`` is the
    expected rest of it in seconds, None while unknown. ``said`` are the sentences so far. ``error`` and
    ``exit_code`` are set when it failed or was interrupted. ``n_before`` is how many jobs one that waits has
    before it, those at work included.
    """

    state: State
    phase: str = ""
    done: int = 0
    total: int = 0
    left_s: float | None = None
    said: tuple[str, ...] = ()
    error: str = ""
    exit_code: int | None = None
    n_before: int = 0

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ENDED


def write_status(path: Path, status: Status) -> None:
    """Replace ``path`` whole: a reader sees the old or the new status, never half of one."""
    write_result(path, asdict(status))


def read_status(path: Path) -> Status | None:
    """Return the status in ``path``, or None where there is none to be read."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Status(**{**fields, "said": tuple(fields["said"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


class StatusReporter:
    """A reporter whose sentences and counts go to a status file, and the sentences to ``log`` too."""

    def __init__(self, path: Path, *, log: TextIO | None = None) -> None:
        self._path = path
        self._log = log
        self._status = Status("running")
        self._written_s = 0.0

    def put(self, state: State, *, error: str = "", exit_code: int | None = None) -> None:
        """Write the state at once; the sentences and the phase stay."""
        self._status = replace(self._status, state=state, error=error, exit_code=exit_code, left_s=None)
        self._write()

    def say(self, text: str) -> None:
        """Add a sentence."""
        self._status = replace(self._status, said=(*self._status.said, text)[-MOST_SENTENCES:])
        self._write()
        if self._log is not None:
            print(text, file=self._log, flush=True)

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:
        """Count the work called ``title``; the time left follows from the pace since its first step."""
        self._status = replace(self._status, phase=title, done=0, total=0, left_s=None)
        self._write()
        first: tuple[float, int] | None = None

        def advance(done: int, total: int) -> None:
            nonlocal first
            now = time.monotonic()
            # The first step carries what has to start up, so the pace is taken from there on.
            first = first or (now, done)
            pace_s = (now - first[0]) / (done - first[1]) if done > first[1] else None
            left_s = None if pace_s is None else pace_s * (total - done)
            self._status = replace(self._status, done=done, total=total, left_s=left_s)
            if done >= total or now - self._written_s >= LEAST_SECONDS_BETWEEN_WRITES:
                self._write()

        yield advance

    def _write(self) -> None:
        self._written_s = time.monotonic()
        write_status(self._path, self._status)
