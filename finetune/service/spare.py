"""One process that waits for a job with its libraries loaded: to import torch and its like takes some seconds.

It holds 500 MB, and what is done ahead meanwhile (`finetune.service.ahead`) some more until that is done. Like any
process of a job (`finetune.service.jobs`) it has a group of its own, the niceness and the environment; it ends when
the one that started it is gone.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from finetune.python import command

LEAST_FREE_BYTES = 3 << 30
"""With less memory to be had there is no spare process: the job itself will need it."""

Process = subprocess.Popen[bytes]
_lock = threading.Lock()
_waiting: tuple[Process, dict[str, str]] | None = None


def keep_spare(environment: Mapping[str, str], parent: int) -> None:
    """See that a process with this ``environment`` waits, as far as memory goes; it loads in the background.

    ``parent`` is the number of this process. What cannot be started is no loss.
    """
    global _waiting
    with _lock:
        if _waiting is not None and _waiting[0].poll() is None:
            return
        _let_go()
        if free_bytes() < LEAST_FREE_BYTES:
            return
        try:
            process = subprocess.Popen(
                command("finetune.service.child", "--spare", str(parent)),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=dict(environment),
            )
        except OSError:
            return
        _waiting = process, dict(environment)


def take_spare(folder: Path, environment: Mapping[str, str]) -> Process | None:
    """Have the waiting process do the job in ``folder``; None where none waits that has this ``environment``."""
    global _waiting
    with _lock:
        if _waiting is not None and _waiting[1] != environment:
            _let_go()  # it would compute beside the job
        if _waiting is None:
            return None
        process, _waiting = _waiting[0], None
    assert process.stdin is not None
    try:
        if process.poll() is None:
            with process.stdin as asked:
                asked.write(f"{folder.resolve()}\n".encode())
            return process
    except OSError:
        pass  # it has just ended
    _end(process)
    return None


def end_spare() -> None:
    """End the waiting process."""
    with _lock:
        _let_go()


def _let_go() -> None:
    global _waiting
    if _waiting is not None:
        _end(_waiting[0])
        _waiting = None


def _end(process: Process) -> None:
    process.kill()
    process.communicate()


def free_bytes() -> int:
    """Return how much memory new processes can have, 0 where the system does not say."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            name, _, amount = line.partition(":")
            if name == "MemAvailable":
                return int(amount.split()[0]) * 1024
    except (OSError, ValueError):
        pass
    return 0
