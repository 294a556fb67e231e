"""The jobs' engine, as the API uses it: where the table is, where a job works, and having jobs done."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from finetune.errors import RunError
from finetune.service.engine.job import Job
from finetune.service.engine.supervisor import DATABASE, LOCK, Supervisor


def database(data_dir: Path) -> Path:
    """Return the path of the table of jobs."""
    return data_dir / DATABASE


def job_folder(data_dir: Path, job: Job) -> Path:
    """Return the folder of the job's present attempt, as `Supervisor.folder` does."""
    return data_dir / "jobs" / job.id / str(job.attempt)


def drop_folder(data_dir: Path, job_id: str) -> None:
    """Delete what a job that has ended, or is about to, has left of its work: results, pictures, output."""
    shutil.rmtree(data_dir / "jobs" / job_id, ignore_errors=True)


@contextlib.contextmanager
def at_work(data_dir: Path) -> Iterator[Callable[[], bool]]:
    """Have the jobs in ``data_dir`` done, and give what tells whether that goes on.

    Raises RunError where another process does so already. At the end every job keeps what it has and is queued.
    """
    refuse_second(data_dir)
    supervisor, stop = Supervisor(data_dir), threading.Event()
    thread = threading.Thread(target=supervisor.run, args=(stop,), name="supervisor", daemon=True)
    thread.start()
    try:
        yield thread.is_alive
    finally:
        stop.set()
        thread.join()


def refuse_second(data_dir: Path) -> None:
    """Raise RunError where another process has the jobs in ``data_dir`` done."""
    try:
        with FileLock(data_dir / LOCK).acquire(timeout=0):
            pass
    except Timeout:
        raise RunError(
            f"another server is at work in {data_dir}; use that one, or another --data-dir"
        ) from None
