"""The jobs' engine, as the API uses it: where the table is, and having jobs done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from finetune.errors import RunError
from finetune.service.engine.background import BackgroundSupervisor
from finetune.service.engine.place import DATABASE, is_supervised


def database(data_dir: Path) -> Path:
    """Return the path of the table of jobs."""
    return data_dir / DATABASE


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
