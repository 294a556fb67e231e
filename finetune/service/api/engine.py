"""The jobs' engine, as the API uses it: where the table is, having jobs done, and dropping what they left."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from finetune.errors import RunError
from finetune.service.datasets import drop_folder
from finetune.service.engine.background import BackgroundSupervisor
from finetune.service.engine.place import DATABASE, is_supervised, job_folder
from finetune.service.engine.store import JobStore


def database(data_dir: Path) -> Path:
    """Return the path of the table of jobs."""
    return data_dir / DATABASE


def drop_job(data_dir: Path, store: JobStore, job_id: str) -> None:
    """Delete what a job has left of its work: results, pictures, output, and images that came for it alone.

    Its row goes too, once it has ended.
    """
    with contextlib.suppress(RunError):  # it is gone already
        job = store.get(job_id)
        store.forget(job_id)
        shutil.rmtree(job_folder(data_dir, job), ignore_errors=True)
        if upload := job.request.get("upload"):
            drop_folder(Path(upload))


@contextlib.contextmanager
def at_work(data_dir: Path) -> Iterator[Callable[[], bool]]:
    """Have the jobs in ``data_dir`` done, and give what tells whether that goes on.

    Raises RunError where another process does so already. At the end every job keeps what it has and is queued.
    """
    refuse_second(data_dir)
    with BackgroundSupervisor(data_dir):
        yield lambda: is_supervised(data_dir)


def refuse_second(data_dir: Path) -> None:
    """Raise RunError where another process has the jobs in ``data_dir`` done."""
    if is_supervised(data_dir):
        raise RunError(f"another server is at work in {data_dir}; use that one, or another --data-dir")
