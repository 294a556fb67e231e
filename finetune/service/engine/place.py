"""Where the engine keeps its files below a data folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from finetune.service.engine.job import Job

DATABASE = "jobs.sqlite"
LOCK = "supervisor.lock"
JOBS = "jobs"
FULL_BYTES = 64 * 1024
"""With less left a disk is full: a process may have had no room for its last word."""


def job_folder(data_dir: Path, job: Job) -> Path:
    """Return the folder that the job's processes work in, all its attempts in the same."""
    return data_dir / (job.folder or f"{JOBS}/{job.id}")


def is_supervised(data_dir: Path) -> bool:
    """Whether somebody is there to do what is queued."""
    lock = FileLock(data_dir / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def is_full(folder: Path) -> bool:
    """Whether nothing more can be written where ``folder`` is, or was to be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free < FULL_BYTES
