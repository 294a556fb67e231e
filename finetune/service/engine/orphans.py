"""End processes that somebody else has left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from finetune.service.jobs import GRACE_S, is_alive
from finetune.training.processes import is_alive as lives

LOOKED_EVERY_S = 0.1


def end_orphan(pid: int, process_started: str, folder: Path) -> None:
    """End the process ``pid`` with its group, if it is still the one that was started then: first kindly.

    Returns when ``folder``, where it works, is free. Where no system tells when a process was started, none is ended:
    its number may be another one's by now.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process_started and lives(pid, process_started):
            signal_group(pid, number)
            _wait_until(lambda: not lives(pid, process_started))
    wait_until_free(folder)


def wait_until_free(folder: Path) -> None:
    """Wait, but not for ever, while a process holds ``folder``: one that lost its parent ends by itself."""
    _wait_until(lambda: not is_alive(folder))


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the group that ``pid`` leads, as far as it is there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number) if hasattr(os, "killpg") else os.kill(pid, signal.SIGTERM)


def _wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + GRACE_S
    while not what() and time.monotonic() < deadline:
        time.sleep(LOOKED_EVERY_S)
