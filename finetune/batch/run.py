"""Run the jobs of a batch one after the other, as jobs of the engine, whatever becomes of any of them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from finetune.batch.folder import BatchFolder
from finetune.batch.job import Job, check_jobs
from finetune.batch.ledger import Row
from finetune.batch.plan import Task, plan
from finetune.batch.queue import BatchQueue
from finetune.batch.rows import has_begun, row_of, run_of
from finetune.batch.table import accuracy_text, write_tables
from finetune.batch.watch import Watch
from finetune.errors import FinetuneError, OptionError, RunError
from finetune.progress import SILENT, Reporter
from finetune.service.engine.devices import ALL
from finetune.service.engine.job import Job as Queued
from finetune.service.engine.supervisor import Supervisor
from finetune.service.status import read_status
from finetune.training.run_folder import refuse_inside_data

CANNOT_RESUME = (RunError.exit_code, FinetuneError.exit_code)
"""A run that refuses to go on, or that the program stumbles over, is begun anew."""
LOOKED_EVERY_S = 0.1
HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Handed on to the jobs: their data may be a private one of the user's own."""


def run_batch(
    jobs: Sequence[Job],
    *,
    out: str | Path,
    offline: bool = False,
    retry_failed: bool = True,
    max_minutes: float | None = None,
    reporter: Reporter = SILENT,
) -> list[Row]:
    """Train the jobs in the folder ``out`` and return a row for each, in their order.

    A job that fails does not end the rest: its row says why. A second call skips the finished jobs whose recipe
    and data are the same, goes on with interrupted ones and tries failed ones again (unless ``retry_failed`` is
    False). ``max_minutes`` bounds each job. ``out`` holds ``results.jsonl``, ``.csv`` and ``.md``, current after
    each job, and ``runs/<name>/``, which are never overwritten. It is an engine's data folder too: the jobs can be
    seen and cancelled there meanwhile.

    Raises OptionError for jobs that cannot be, RunError when another batch is at work in ``out`` or the folder is
    foreign; on Ctrl-C the present job is stopped, keeping its best, and KeyboardInterrupt goes on.
    """
    check_jobs(jobs)
    if max_minutes is not None and not max_minutes > 0:
        raise OptionError(
            f"--max-minutes is {max_minutes:g}, but must be more than 0; leave it out for no limit"
        )
    for job in jobs:
        if job.sample is None:
            refuse_inside_data(Path(out), job.data)
    folder = BatchFolder(Path(out))
    with folder.claimed():
        queue = BatchQueue(folder, offline=offline)
        batch = _Batch(folder, queue, reporter)
        # A job that was killed, as happens when memory runs out, is not tried again: the night goes on.
        supervisor = Supervisor(
            folder.path,
            store=queue.store,
            devices=(ALL,),
            tries_again=False,
            hands_on={name: os.environ[name] for name in HUB_TOKENS if name in os.environ},
            on_change=batch.note,
        )
        try:
            with supervisor.at_work():
                batch.begin(
                    plan(
                        jobs,
                        folder,
                        retry_failed=retry_failed,
                        max_minutes=max_minutes,
                        offline=offline,
                        reporter=reporter,
                    )
                )
                while supervisor.try_step():
                    batch.show()
                    time.sleep(LOOKED_EVERY_S)
        finally:
            batch.close()
        return batch.rows()


class _Batch:
    """What is told of the tasks while the engine has them done."""

    def __init__(self, folder: BatchFolder, queue: BatchQueue, reporter: Reporter) -> None:
        self._folder, self._queue, self._reporter = folder, queue, reporter
        self._tasks: dict[str, Task] = {}
        self._told: dict[str, Row] = folder.ledger.rows()
        self._present: Queued | None = None
        self._watch: Watch | None = None
        self._began_s = 0.0
        self._took_s: list[float] = []

    def begin(self, tasks: Sequence[Task]) -> None:
        """Queue what is left to do."""
        self._tasks = {task.job.name: task for task in tasks}
        self._queue.enqueue(tasks)
        self._say_plan()
        self._write()

    def rows(self) -> list[Row]:
        """Return the rows as they stand, in the order of the jobs."""
        return [self._row(task) for task in self._tasks.values()]

    def show(self) -> None:
        """Pass on what the present job has said, and how far it is."""
        if self._present is not None and self._watch is not None:
            self._watch.show(read_status(self._folder.path / self._present.folder / "status.json"))

    def note(self, queued: Queued) -> None:
        """Tell that a job was started or has ended, and begin one anew whose earlier run cannot go on."""
        if queued.title not in self._tasks:
            return  # somebody has asked for an earlier one again
        if queued.state == "running":
            self._note_begin(queued)
        elif queued.has_ended:
            self.show()
            self._close_watch()
            self._note_end(queued)
        self._write()

    def close(self) -> None:
        """Leave everything written as it stands."""
        self._close_watch()
        if self._tasks:
            self._write()

    def _note_begin(self, queued: Queued) -> None:
        title = self._title(queued.title)
        self._present, self._watch = queued, Watch(title, queued.title, self._reporter)
        self._began_s = time.monotonic()
        goes_on = has_begun(run_of(queued, self._folder))
        self._reporter.say(f"{title}: {'goes on' if goes_on else 'starts'}")

    def _note_end(self, queued: Queued) -> None:
        task = self._tasks[queued.title]
        row = self._row(task)
        if task.action == "resume" and _cannot_resume(queued, row):
            self._reporter.say(f"{row.name}: cannot go on ({row.error}), so it starts anew")
            anew = replace(task, action="start", row=_pending(task))
            self._tasks[row.name] = anew
            self._queue.put(anew, priority=queued.priority)
            return
        self._took_s.append(time.monotonic() - self._began_s)
        if row.state == "finished":
            what = f"finished, {accuracy_text(row)} on {row.accuracy_split}, {row.seconds:.0f} s"
        else:
            what = f"{row.state}: {row.error}"
        warning = "" if row.state == "finished" else "warning: "
        self._reporter.say(f"{warning}{self._title(row.name)}: {what}{self._time_left()}")

    def _row(self, task: Task) -> Row:
        queued = self._queue.find(task.job.name)
        if queued is None:
            gone = f"its folder in {self._folder.path} has been deleted"
            return replace(_pending(task), state="failed", error=gone)
        return row_of(_pending(task), queued, self._folder)

    def _say_plan(self) -> None:
        tasks = self._tasks.values()
        kept = sum(task.action == "keep" and task.row.state == "finished" for task in tasks)
        resumed = sum(task.action == "resume" for task in tasks)
        already = f", {kept} already done" if kept else ""
        going_on = f", {resumed} to go on with" if resumed else ""
        self._reporter.say(f"{_counted(len(tasks))} in {self._folder.path}{already}{going_on}")
        for task in tasks:
            if task.row.state == "failed" and task.action in ("fail", "keep"):
                again = "" if task.action == "fail" else "; failed before, not tried again"
                self._reporter.say(f"warning: {task.job.name}: {task.row.error}{again}")

    def _title(self, name: str) -> str:
        return f"job {list(self._tasks).index(name) + 1} of {len(self._tasks)}, {name}"

    def _close_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self._present = self._watch = None

    def _write(self) -> None:
        """Add the rows that have changed to the ledger, and replace the tables."""
        rows = self.rows()
        for row in rows:
            before = self._told.get(row.name)
            if row != before and (row.state != "pending" or before is not None):
                self._folder.ledger.append(row)
                self._told[row.name] = row
        cells = {name: task.job.cell for name, task in self._tasks.items() if task.job.cell is not None}
        write_tables(rows, cells, to=self._folder.csv, markdown=self._folder.markdown)

    def _time_left(self) -> str:
        n_left = self._queue.store.counts().get("queued", 0)
        if not n_left:
            return ""
        minutes = n_left * sum(self._took_s) / len(self._took_s) / 60
        time_left = f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{60 * minutes:.0f} s"
        return f"; {n_left} more, about {time_left} if they take as long as those so far"


def _pending(task: Task) -> Row:
    return Row(task.job.name, "pending", data=task.job.data, strategy=task.recipe.strategy, key=task.row.key)


def _cannot_resume(queued: Queued, row: Row) -> bool:
    return row.state == "failed" and (queued.state == "done" or queued.exit_code in CANNOT_RESUME)


def _counted(n_jobs: int) -> str:
    return "1 job" if n_jobs == 1 else f"{n_jobs} jobs"
