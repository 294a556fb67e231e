"""Queue a job in a folder of the asker's own, and stop or forget it by that folder."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune.errors import RunError
from finetune.service.engine.going_on import let_go_of_run
from finetune.service.engine.job import Job
from finetune.service.engine.place import job_folder
from finetune.service.engine.standing import QUEUED
from finetune.service.engine.store import JobStore
from finetune.service.result import write_result


def queue_job(store: JobStore, folder: Path, request: Mapping[str, Any], *, title: str) -> Job:
    """Queue ``request``, whose ``kind`` is one of `finetune.service.work.KINDS`, to be done in ``folder``.

    Raises FileExistsError when a job was queued there before, so that two that press at once queue one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "request.json").open("x", encoding="utf-8") as stream:
        json.dump(dict(request), stream, ensure_ascii=False)
    # As it is called from there: the folder may be copied elsewhere, with all around it.
    database = os.path.relpath(store.path.resolve(), folder.resolve())
    write_result(folder / QUEUED, {"database": database})
    arguments = {name: value for name, value in request.items() if name != "kind"}
    return store.add(request["kind"], arguments, title=title, folder=str(folder.resolve()))


def cancel_job(store: JobStore, job: Job) -> Job:
    """Cancel ``job`` as `JobStore.cancel` does, and free the name of a run that never began."""
    cancelled = store.cancel(job.id)
    if cancelled.state == "cancelled":
        let_go_of_run(cancelled, job_folder(store.path.parent, cancelled))
    return cancelled


def cancel_in(store: JobStore, folder: Path) -> None:
    """Cancel what is queued or runs in ``folder``, if anything."""
    job = store.newest_in(str(folder.resolve()))
    if job is not None and not job.has_ended:
        with contextlib.suppress(RunError):  # it has ended meanwhile
            cancel_job(store, job)


def forget_in(store: JobStore, folder: Path) -> None:
    """Cancel what runs in ``folder``, which is about to be deleted, and remove its row, once it has ended."""
    cancel_in(store, folder)
    job = store.newest_in(str(folder.resolve()))
    if job is not None:
        store.forget(job.id)
