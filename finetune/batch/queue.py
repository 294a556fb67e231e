"""A batch as jobs of the engine: what is to be done is queued in its order, what is known of it is found again."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.batch.folder import BatchFolder
from finetune.batch.ledger import Row
from finetune.batch.rows import row_of
from finetune.data.places import from_anywhere
from finetune.service.engine.job import Job as Queued
from finetune.service.engine.job import State
from finetune.service.engine.place import DATABASE, JOBS
from finetune.service.engine.queueing import cancel_job
from finetune.service.engine.store import JobStore

if TYPE_CHECKING:
    from finetune.batch.plan import Task


class BatchQueue:
    """The jobs of a batch, each in a folder called after it: ``jobs/<name>``."""

    def __init__(self, folder: BatchFolder, *, offline: bool) -> None:
        self._folder, self._offline = folder, offline
        self._taken: set[str] = set()
        self.store = JobStore(folder.path / DATABASE)

    def find(self, name: str) -> Queued | None:
        """Return the engine's job called ``name``, None where it has none."""
        return self.store.newest_in(_place(name))

    def enqueue(self, tasks: Sequence[Task]) -> None:
        """Have these tasks alone in the queue, the first in front; what else waits there is cancelled."""
        names = {task.job.name for task in tasks}
        for waiting in self.store.list(states=("queued",)):
            if waiting.title not in names:
                cancel_job(self.store, waiting)
        self._taken = {name.casefold() for name in names}
        for number, task in enumerate(tasks):
            self.put(task, priority=-number)

    def put(self, task: Task, *, priority: int) -> None:
        """Queue a task, or write down how it has ended already."""
        known, state = self.find(task.job.name), _state(task)
        if known is not None and task.action == "keep" and known.state == state:
            return
        request, key = self._request(task), f"{task.job.name}/{task.row.key}"
        if known is not None and task.action == "fail":  # what it was stays known: the data may come back
            request, key = known.request, known.idempotency_key or key
        if state == "queued":
            with contextlib.suppress(FileExistsError):  # the engine says what is in the way
                (self._folder.path / _place(task.job.name)).mkdir(parents=True, exist_ok=True)
        error = task.row.error if state == "failed" else ""
        self.store.put(
            "fit",
            request,
            title=task.job.name,
            key=key,
            folder=_place(task.job.name),
            priority=priority,
            state=state,
            error=error,
        )

    def _request(self, task: Task) -> dict[str, Any]:
        """Return the arguments of the work, which mean the same from any working folder."""
        has_run = task.action in ("keep", "resume") and task.row.run
        run = Path(task.row.run) if has_run else self._folder.free_run(task.job.name, self._taken)
        return {
            "data": from_anywhere(task.data),
            "recipe": task.recipe.model_dump(mode="json"),
            "out": str(run.absolute()),
            "offline": self._offline,
            "resume": False,
        }


def known_rows(folder: BatchFolder, names: Sequence[str]) -> dict[str, Row]:
    """Return the row of each job that was at work in ``folder`` before, as the engine has it.

    What a version without the engine has left is known from the rows that it wrote.
    """
    found = folder.ledger.rows()
    if (folder.path / DATABASE).is_file():
        store = JobStore(folder.path / DATABASE)
        for name in names:
            queued = store.newest_in(_place(name))
            if queued is not None:
                key = (queued.idempotency_key or "").rpartition("/")[2]
                row = row_of(Row(name, "pending", key=key), queued, folder)
                is_lost = queued.state == "done" and row.state == "failed"
                # That its run was deleted since is no failure of the job.
                found[name] = replace(row, state="interrupted") if is_lost else row
    return found


def _place(name: str) -> str:
    return f"{JOBS}/{name}"


def _state(task: Task) -> State:
    if task.action in ("start", "resume"):
        return "queued"
    return "done" if task.row.state == "finished" else "failed"
