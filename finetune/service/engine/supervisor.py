"""The one process that has queued jobs done: it starts a process for each, watches it, and mends what broke.

A trainer that was killed, or whose supervisor was, goes on from its last whole epoch. One that makes no progress
between such ends is given up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from finetune.errors import ResourceError, RunError
from finetune.service.child import HEARTBEAT
from finetune.service.engine.job import Job, Lane, State
from finetune.service.engine.store import JobStore
from finetune.service.jobs import GRACE_S, cancel_job, is_alive, process_of, read_job, start_job, wait_job
from finetune.service.result import read_result
from finetune.service.status import read_status
from finetune.training.processes import birth
from finetune.training.processes import is_alive as lives

DATABASE = "jobs.sqlite"
LOCK = "supervisor.lock"
LOOKED_EVERY_S = 0.2
SILENT_S = 300.0
"""A process that has not touched its heartbeat for so long hangs: it does so each second from a thread of its own."""
MOST_WITHOUT_PROGRESS = 5
"""Times in a row that a job may be cut off before it is through another epoch."""
QUICK_SLOTS = ("quick-1", "quick-2")
ENDS: Mapping[str, State] = {"finished": "done", "failed": "failed", "interrupted": "interrupted"}


class Supervisor:
    """Has the jobs in ``root`` done, one at a time on each of ``devices``; quick ones do not wait for those.

    Only one may be at work in ``root``: `run` raises RunError for a second.
    """

    def __init__(
        self, root: Path, *, devices: tuple[str, ...] = ("cpu",), silent_s: float = SILENT_S
    ) -> None:
        self.root = root
        self.store = JobStore(root / DATABASE)
        self._slots: dict[str, Lane] = dict.fromkeys(devices, "training")
        self._slots |= dict.fromkeys(QUICK_SLOTS, "quick")
        self._silent_s = silent_s
        self._at_work: dict[str, Job] = {}
        self._heard: dict[str, tuple[float, float]] = {}
        self._cut_off: dict[str, tuple[int, int]] = {}

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; then every job is stopped, keeping what it has, to be gone on with."""
        with self._alone():
            self._recover()
            try:
                while not stop.is_set():
                    self.step()
                    stop.wait(LOOKED_EVERY_S)
            finally:
                self._put_all_back()

    def step(self) -> None:
        """Look at all that is at work, and start what is due."""
        for slot, job in list(self._at_work.items()):
            self._look(slot, job)
        for slot, lane in self._slots.items():
            if slot not in self._at_work:
                due = self.store.take_next(lane, slot)
                if due is not None:
                    self._start(slot, due)

    def folder(self, job: Job) -> Path:
        """Return the folder of the job's present attempt."""
        return self.root / "jobs" / job.id / str(job.attempt)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock = FileLock(self.root / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"another supervisor is at work in {self.root}; use that one, or another folder"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _recover(self) -> None:
        """End what an earlier supervisor left at work, and queue it again."""
        for job in self.store.list(states=("running",)):
            if job.pid is not None and job.process_started is not None:
                _end_orphan(job.pid, job.process_started)
            self.store.put_back(job.id)

    def _start(self, slot: str, job: Job) -> None:
        folder = self.folder(job)
        try:
            start_job(folder, {"kind": job.kind, **_going_on(job)})
            pid = process_of(folder)
            self.store.note_process(job.id, pid, birth(pid))
        except (OSError, ResourceError) as error:
            self.store.end(job.id, "failed", error=str(error), exit_code=ResourceError.exit_code)
            return
        self._at_work[slot] = job

    def _look(self, slot: str, job: Job) -> None:
        folder = self.folder(job)
        if is_alive(folder):
            if self.store.get(job.id).cancel_asked:
                cancel_job(folder)
            if self._hangs(job, folder):
                _signal_group(process_of(folder), signal.SIGKILL)
            return
        del self._at_work[slot]
        self._heard.pop(job.id, None)
        own, told = read_status(folder / "status.json"), read_job(folder)
        if own is not None and own.has_ended:
            self.store.end(job.id, ENDS[own.state], error=own.error, exit_code=own.exit_code)
        elif self._may_go_on(job):
            self.store.put_back(job.id)
        else:
            error = "the job's folder is gone" if told is None else told.error
            self.store.end(job.id, "failed", error=error, exit_code=ResourceError.exit_code)

    def _hangs(self, job: Job, folder: Path) -> bool:
        """Whether the heartbeat has stood still for too long; by a clock that nobody sets."""
        try:
            beat = (folder / HEARTBEAT).stat().st_mtime
        except OSError:
            beat = 0.0
        last, since = self._heard.get(job.id, (-1.0, 0.0))
        if beat != last:
            self._heard[job.id] = beat, time.monotonic()
            return False
        return time.monotonic() - since > self._silent_s

    def _may_go_on(self, job: Job) -> bool:
        """Whether a job that was cut off is worth another try: not when it comes no further each time."""
        done = _epochs_done(job)
        before, count = self._cut_off.get(job.id, (-1, 0))
        count = 1 if done > before else count + 1
        self._cut_off[job.id] = done, count
        return count <= MOST_WITHOUT_PROGRESS

    def _put_all_back(self) -> None:
        for job in self._at_work.values():
            cancel_job(self.folder(job))
        for job in self._at_work.values():
            status = wait_job(self.folder(job))
            if status.state == "interrupted":
                self.store.put_back(job.id)
            else:
                self.store.end(job.id, ENDS[status.state], error=status.error, exit_code=status.exit_code)
        self._at_work.clear()


def _going_on(job: Job) -> dict[str, Any]:
    """Return the request, to go on with the run that an earlier attempt has left."""
    if job.kind != "fit" or not (Path(job.request["out"]) / "run.json").exists():
        return job.request
    return {**job.request, "resume": True}


def _epochs_done(job: Job) -> int:
    if job.kind != "fit":
        return 0
    return int(read_result(Path(job.request["out"]) / "run.json").get("epochs_done", 0))


def _end_orphan(pid: int, process_started: str) -> None:
    """End a process and its group, if it is still the one that was started: first kindly."""
    if not lives(pid, process_started):
        return
    _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_S
    while lives(pid, process_started) and time.monotonic() < deadline:
        time.sleep(LOOKED_EVERY_S)
    if lives(pid, process_started):
        _signal_group(pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
