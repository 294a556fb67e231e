"""Run the jobs of a batch one after the other, each in a process of its own, whatever becomes of any of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from finetune.batch.folder import BatchFolder
from finetune.batch.job import Job, check_jobs
from finetune.batch.ledger import Row
from finetune.batch.plan import Task, finished_row, plan, read_report
from finetune.batch.table import accuracy_text, write_tables
from finetune.batch.watch import follow
from finetune.errors import FinetuneError, OptionError, RunError
from finetune.failure import explain
from finetune.progress import SILENT, Reporter
from finetune.service.jobs import is_alive, start_job
from finetune.service.status import Status
from finetune.training.run_folder import refuse_inside_data

CANNOT_RESUME = (RunError.exit_code, FinetuneError.exit_code)
"""A run that refuses to go on, or that the program stumbles over, is begun anew."""
UNTOLD = "the batch ended before this job did"


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
    each job, and ``runs/<name>/``, which are never overwritten.

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
        tasks = plan(
            jobs,
            folder,
            retry_failed=retry_failed,
            max_minutes=max_minutes,
            offline=offline,
            reporter=reporter,
        )
        return _Batch(folder, tasks, offline=offline, reporter=reporter).run()


class _Batch:
    """The rows as they stand, in the order of the jobs, and what the time left follows from."""

    def __init__(
        self, folder: BatchFolder, tasks: Sequence[Task], *, offline: bool, reporter: Reporter
    ) -> None:
        self._folder, self._tasks, self._reporter = folder, tasks, reporter
        self._offline = offline
        self._rows = {task.job.name: task.row for task in tasks}
        self._cells = {task.job.name: task.job.cell for task in tasks if task.job.cell is not None}
        self._taken = {task.job.name.casefold() for task in tasks}
        self._to_do = [task for task in tasks if task.action in ("start", "resume")]
        self._took_s: list[float] = []

    def run(self) -> list[Row]:
        """Do all tasks and return the rows."""
        self._say_plan()
        for task in self._tasks:
            if task.action == "fail":
                self._record(task.row)
        self._write_tables()
        for number, task in enumerate(self._tasks, start=1):
            if task in self._to_do:
                self._do(task, f"job {number} of {len(self._tasks)}, {task.job.name}")
        return list(self._rows.values())

    def _say_plan(self) -> None:
        kept = sum(task.action == "keep" and task.row.state == "finished" for task in self._tasks)
        resumed = sum(task.action == "resume" for task in self._tasks)
        already = f", {kept} already done" if kept else ""
        going_on = f", {resumed} to go on with" if resumed else ""
        self._reporter.say(f"{_counted(len(self._tasks))} in {self._folder.path}{already}{going_on}")
        for task in self._tasks:
            if task.row.state == "failed":
                again = "" if task.action == "fail" else "; failed before, not tried again"
                if task.action in ("fail", "keep"):
                    self._reporter.say(f"warning: {task.job.name}: {task.row.error}{again}")

    def _do(self, task: Task, title: str) -> None:
        started = time.monotonic()
        self._reporter.say(f"{title}: {'goes on' if task.action == 'resume' else 'starts'}")
        row = self._trained(task, title)
        took_s = time.monotonic() - started
        if row.state != "finished":
            row = replace(row, seconds=round(took_s, 2))
        self._record(row)
        self._took_s.append(took_s)
        self._say_end(row, title)

    def _trained(self, task: Task, title: str) -> Row:
        """Return the row of the task's training, begun anew where the earlier run cannot go on."""
        if task.action == "resume":
            row, status = self._attempt(task, title, Path(task.row.run), resume=True)
            if status.state != "failed" or status.exit_code not in CANNOT_RESUME:
                return row
            self._reporter.say(f"{task.job.name}: cannot go on ({status.error}), so it starts anew")
        run = self._folder.free_run(task.job.name, self._taken)
        return self._attempt(task, title, run, resume=False)[0]

    def _attempt(self, task: Task, title: str, run: Path, *, resume: bool) -> tuple[Row, Status]:
        request: dict[str, Any] = {
            "kind": "fit",
            "data": task.data,
            "recipe": task.recipe.model_dump(mode="json"),
            "out": str(run),
            "offline": self._offline,
            "resume": resume,
        }
        # Written first: whatever ends this process, the next one knows what was at work, and where.
        begun = replace(task.row, state="interrupted", run=str(run), error=UNTOLD)
        self._record(begun)
        try:
            self._wait_for_earlier(task.job.name)
            job_folder = self._folder.clear_job(task.job.name)
            start_job(job_folder, request)
            status = follow(job_folder, title, task.job.name, self._reporter)
        except KeyboardInterrupt:
            self._record(replace(begun, error="interrupted; the same command goes on with it"))
            raise
        except (FinetuneError, OSError) as error:
            sentence, code = explain(error)
            status = Status("failed", error=sentence, exit_code=code)
        return _row_of(begun, run, status), status

    def _wait_for_earlier(self, name: str) -> None:
        """Let a process end whose batch was killed: it is about to, and still writes to the run folder."""
        folder = self._folder.job(name)
        if is_alive(folder):
            self._reporter.say(f"{name}: waiting for its earlier process to end")
        while is_alive(folder):
            time.sleep(0.2)

    def _record(self, row: Row) -> None:
        self._rows[row.name] = row
        self._folder.ledger.append(row)
        self._write_tables()

    def _write_tables(self) -> None:
        rows = list(self._rows.values())
        write_tables(rows, self._cells, to=self._folder.csv, markdown=self._folder.markdown)

    def _say_end(self, row: Row, title: str) -> None:
        if row.state == "finished":
            what = f"finished, {accuracy_text(row)} on {row.accuracy_split}, {row.seconds:.0f} s"
        else:
            what = f"{row.state}: {row.error}"
        warning = "" if row.state == "finished" else "warning: "
        self._reporter.say(f"{warning}{title}: {what}{self._time_left()}")

    def _time_left(self) -> str:
        n_left = len(self._to_do) - len(self._took_s)
        if not n_left:
            return ""
        minutes = n_left * sum(self._took_s) / len(self._took_s) / 60
        time_left = f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{60 * minutes:.0f} s"
        return f"; {n_left} more, about {time_left} if they take as long as those so far"


def _row_of(begun: Row, run: Path, status: Status) -> Row:
    report = read_report(run) if status.state == "finished" else None
    if report is not None:
        return finished_row(begun, report)
    row = replace(begun, run=str(run) if run.is_dir() else "")
    if status.state == "interrupted":
        return replace(row, error=status.error)
    return replace(row, state="failed", error=status.error or f"the run folder {run} holds no whole report")


def _counted(n_jobs: int) -> str:
    return "1 job" if n_jobs == 1 else f"{n_jobs} jobs"
