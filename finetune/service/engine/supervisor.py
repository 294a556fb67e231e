"""The one process that has queued jobs done: it starts a process for each, watches it, and mends what broke.

A trainer that was killed, or whose supervisor was, goes on from its last whole epoch. One that makes no progress
between such ends is given up.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from filelock import FileLock, Timeout

from finetune.errors import INTERRUPTED_EXIT_CODE, ResourceError, RunError
from finetune.failure import explain
from finetune.service.engine.database import opened
from finetune.service.engine.devices import CPU, only
from finetune.service.engine.going_on import going_on, is_finished, keep_run, let_go_of_run, progress_of
from finetune.service.engine.heartbeats import SILENT_S, Heartbeats
from finetune.service.engine.job import Job, Lane, State
from finetune.service.engine.orphans import end_orphan, signal_group, wait_until_free
from finetune.service.engine.place import DATABASE, LOCK, is_full, job_folder
from finetune.service.engine.store import JobStore
from finetune.service.jobs import cancel_job, is_alive, process_of, read_process, start_job, wait_job
from finetune.service.status import Status, read_status
from finetune.training.processes import birth

LOOKED_EVERY_S = 0.2
MOST_WITHOUT_PROGRESS = 5
"""Times in a row that a job may be cut off before it is through another step of its kind."""
QUICK_SLOTS = ("quick-1", "quick-2")
CANCELLED = "cancelled; what was finished is kept"
ENDS: Mapping[str, State] = {"finished": "done", "failed": "failed", "interrupted": "interrupted"}


class AlreadySupervised(RunError):  # noqa: N818 - nothing went wrong
    """Another supervisor is at work in the folder."""


class Supervisor:
    """Has the jobs in ``data_dir`` done, one at a time on each of ``devices``; quick ones do not wait for those.

    Only one may be at work there: `at_work` raises AlreadySupervised for a second. ``silent_s`` is measured by
    ``clock``, in seconds, which nobody sets. Without ``tries_again`` a job whose process was cut off has failed.
    ``hands_on`` are variables that processes are told besides `finetune.python.environment`.
    ``on_change`` is called with each job that was started or is no longer at work, before the next one is started.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        store: JobStore | None = None,
        devices: tuple[str, ...] = (CPU,),
        silent_s: float = SILENT_S,
        clock: Callable[[], float] = time.monotonic,
        tries_again: bool = True,
        hands_on: Mapping[str, str] = MappingProxyType({}),
        on_change: Callable[[Job], None] = lambda _: None,
    ) -> None:
        self.root = data_dir
        self.store = store or JobStore(data_dir / DATABASE)
        self._slots: dict[str, Lane] = dict.fromkeys(devices, "training")
        self._slots |= dict.fromkeys(QUICK_SLOTS, "quick")
        self._heartbeats = Heartbeats(silent_s, clock)
        self._tries_again = tries_again
        self._hands_on = hands_on
        self._on_change = on_change
        self._at_work: dict[str, Job] = {}
        self._trouble: dict[str, tuple[str, int]] = {}
        self._warned = ""

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; then every job is stopped, keeping what it has, to be gone on with."""
        with self.at_work():
            while not stop.is_set():
                self.try_step()
                stop.wait(LOOKED_EVERY_S)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Be the one that takes steps; when the context ends, every job is stopped and queued again, as in `run`."""
        # A connection that stays keeps SQLite's files beside the table there: on a full disk it could make none.
        with self._alone(), opened(self.store.path):
            self._recover()
            try:
                yield
            finally:
                self._put_all_back()

    def step(self) -> bool:
        """Look at all that is at work, start what is due, and return whether anything is left to do."""
        for slot, job in list(self._at_work.items()):
            self._look(slot, job)
        waiting = self.store.waiting_lanes()
        for slot, lane in self._slots.items():
            if slot not in self._at_work and lane in waiting:
                due = self.store.take_next(lane, slot)
                if due is not None:
                    self._start(slot, due)
        return bool(waiting or self._at_work)

    def try_step(self) -> bool:
        """Do a step; a database that is held or a disk that is full is no reason to give up: both may pass."""
        try:
            is_left = self.step()
        except (ResourceError, OSError) as error:
            if str(error) != self._warned:
                with contextlib.suppress(OSError):  # the warning may go to the disk that is full
                    print(f"warning: {error}", file=sys.stderr, flush=True)
            self._warned = str(error)
            return True
        self._warned = ""
        return is_left

    def folder(self, job: Job) -> Path:
        """Return the folder that the job's processes work in."""
        return job_folder(self.root, job)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        lock = FileLock(self.root / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise AlreadySupervised(
                f"another supervisor is at work in {self.root}; use that one, or another folder"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _recover(self) -> None:
        """End what an earlier supervisor left at work, and queue it again unless it was done."""
        for job in self.store.list(states=("running",)):
            folder = self.folder(job)
            if job.pid is None or job.process_started is None:
                wait_until_free(folder)
                self.store.put_back(job.id)
                continue
            end_orphan(job.pid, job.process_started, folder)
            self._settle_or_put_back(job)

    def _start(self, slot: str, job: Job) -> None:
        self._at_work[slot] = job
        self._heartbeats.forget(job.id)
        if is_finished(job):
            self.store.end(job.id, "done", exit_code=0)
            self._leave(slot, job)
            return
        try:
            start_job(self.folder(job), going_on(job), environment={**self._hands_on, **only(slot)})
        except (OSError, ResourceError) as error:
            self._trouble[job.id] = explain(error)
        else:
            self._note_process(job)
        self._on_change(job)

    def _leave(self, slot: str, job: Job) -> None:
        """Free the slot, and tell what became of the job, unless its asker has deleted it."""
        del self._at_work[slot]
        try:
            row = self.store.get(job.id)
        except RunError:
            return
        self._on_change(row)

    def _note_process(self, job: Job) -> None:
        pid = process_of(self.folder(job))
        self.store.note_process(job.id, pid, birth(pid))

    def _look(self, slot: str, job: Job) -> None:
        folder = self.folder(job)
        if job.id in self._trouble or not is_alive(folder):
            with contextlib.suppress(KeyError):
                signal_group(process_of(folder), signal.SIGKILL)  # what it has started goes with it
            self._note_full(job)
            self._settle(job)
            self._trouble.pop(job.id, None)
            self._leave(slot, job)
            return
        row = self.store.get(job.id)
        if row.pid is None:
            self._note_process(job)  # the database was held when it was started
        if row.cancel_asked:
            cancel_job(folder)
        elif self._heartbeats.is_silent(job.id, folder):
            signal_group(process_of(folder), signal.SIGKILL)

    def _note_full(self, job: Job) -> None:
        """Remember that a process ended on a full disk, which has no room for its last word, nor for ours."""
        folder = self.folder(job)
        own = read_status(folder / "status.json")
        if (own is None or not own.has_ended) and is_full(folder):
            self._trouble.setdefault(job.id, (_no_room(folder), ResourceError.exit_code))

    def _settle(self, job: Job) -> None:
        """Write down what became of a job whose process is gone, or could not be started."""
        folder, row = self.folder(job), self.store.get(job.id)
        own = read_status(folder / "status.json")
        if job.id in self._trouble:
            error, code = self._trouble[job.id]
            self._end(job, Status("failed", error=error, exit_code=code))
        elif own is not None and own.state in ("finished", "failed"):
            self._end(job, own)
        elif row.cancel_asked:
            said = own.error if own is not None and own.has_ended else CANCELLED
            self._end(job, Status("interrupted", error=said, exit_code=INTERRUPTED_EXIT_CODE))
        else:
            self._go_on_or_give_up(row, read_process(folder))

    def _end(self, job: Job, status: Status) -> None:
        self.store.end(job.id, ENDS[status.state], error=status.error, exit_code=status.exit_code)
        let_go_of_run(job, self.folder(job))
        if job.folder and not self.folder(job).exists():
            self.store.forget(job.id)  # its asker has deleted it

    def _go_on_or_give_up(self, job: Job, told: Status | None) -> None:
        """Queue a job again that was cut off, unless it comes no further each time."""
        done = progress_of(job, self.folder(job))
        count = 1 if done > job.progress else job.cut_off + 1
        error = "the job's folder is gone" if told is None else told.error
        if told is None or not self._tries_again or count > MOST_WITHOUT_PROGRESS:
            is_often = told is not None and self._tries_again
            often = f"given up after {count} ends without progress: " if is_often else ""
            state = "failed" if told is None else told.state
            code = ResourceError.exit_code if told is None else told.exit_code
            self._end(job, Status(state, error=f"{often}{error}", exit_code=code))
            return
        keep_run(job)
        self.store.put_back(job.id, progress=max(done, job.progress), cut_off=count, error=error)

    def _put_all_back(self) -> None:
        for job in self._at_work.values():
            cancel_job(self.folder(job))
        for job in self._at_work.values():
            self._put_back(job)
        self._at_work.clear()

    def _put_back(self, job: Job) -> None:
        """Queue a job again that was stopped with its supervisor, unless it had just ended by itself."""
        with contextlib.suppress(KeyError):  # it could not be started
            wait_job(self.folder(job))
        # What cannot be written down now is found by the next supervisor.
        with contextlib.suppress(ResourceError, OSError):
            self._settle_or_put_back(job)

    def _settle_or_put_back(self, job: Job) -> None:
        """Write down what became of a job that its supervisor's end has ended, as far as anything else did."""
        own = read_status(self.folder(job) / "status.json")
        has_ended = own is not None and own.state in ("finished", "failed")
        if has_ended or self.store.get(job.id).cancel_asked:
            self._settle(job)
        else:
            keep_run(job)
            self.store.put_back(job.id)


def _no_room(folder: Path) -> str:
    return f"the disk is full: nothing can be written to {folder}; free some space and try the job again"
