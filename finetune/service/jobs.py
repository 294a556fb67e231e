"""A job: a folder with a request, and the process of its own that carries the request out.

The folder holds ``request.json`` (what to do), ``status.json`` (how far it is), ``result.json`` (what came out, for
work that answers with JSON), ``output.txt`` (what it said, and what libraries printed) and ``lock``, held while the
process lives. Where the job is one of the engine's table, ``job.json`` says of which.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock, Timeout

from finetune.errors import INTERRUPTED_EXIT_CODE, ResourceError
from finetune.python import command
from finetune.python import environment as our_environment
from finetune.service.engine.standing import QUEUED, standing_in
from finetune.service.result import write_result
from finetune.service.spare import keep_spare, take_spare
from finetune.service.status import State, Status, read_status, write_status

GRACE_S = 10.0
"""How long a stopped process may take to end the step it is in and keep what it has."""

_started: dict[Path, subprocess.Popen[bytes]] = {}
_asked_to_stop: set[Path] = set()
_starting = threading.Lock()


def start_job(
    folder: Path, request: Mapping[str, Any], *, environment: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Start a process for ``request`` in ``folder``, where earlier ones may have worked.

    ``request["kind"]`` is a name in `finetune.service.work.KINDS`; the rest is its arguments. ``environment`` are
    changes of this process's own. Raises OSError when the folder cannot be written to, and ResourceError when no
    process can be started.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _starting:
        _started.pop(folder.resolve(), None)
        write_result(folder / "request.json", request)
        write_status(folder / "status.json", Status("running", phase="starting"))
        _asked_to_stop.discard(folder.resolve())
        _started[folder.resolve()] = _spawn(folder, environment)


def prepare_process(environment: Mapping[str, str] = MappingProxyType({})) -> None:
    """Have a process load its libraries for the next job that is started with these changes of the environment."""
    keep_spare({**our_environment(), **environment}, os.getpid())


def _spawn(folder: Path, changes: Mapping[str, str]) -> subprocess.Popen[bytes]:
    spare = take_spare(folder, {**our_environment(), **changes})
    if spare is not None:
        return spare
    words = command("finetune.service.child", str(folder.resolve()), str(os.getpid()))
    try:
        with (folder / "output.txt").open("ab") as output:
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**our_environment(), **changes},
            )
    except OSError as error:
        raise ResourceError(f"cannot start a process ({error.strerror}); free some memory") from None


def process_of(folder: Path) -> int:
    """Return the number of the process that this one has started for the job; raises KeyError for another job."""
    return _started[folder.resolve()].pid


def read_job(folder: Path) -> Status | None:
    """Return where the job in ``folder`` is, or None where there is no job."""
    if (folder / QUEUED).exists():
        return standing_in(folder)
    return read_process(folder)


def read_process(folder: Path) -> Status | None:
    """Return where the process in ``folder`` is, or None where there is none.

    A process that ended without a last word (killed, out of memory, the machine restarted) counts as failed, and the
    sentence says how it ended.
    """
    # Asked first: a process that ends in between has written its last status by then.
    alive = is_alive(folder)
    status = read_status(folder / "status.json")
    if status is None or status.has_ended or alive:
        return status
    state, error, code = _last_words(folder)
    return replace(status, state=state, left_s=None, error=error, exit_code=code)


def is_alive(folder: Path) -> bool:
    """Whether the job's process lives, whoever has started it."""
    process = _started.get(folder.resolve())
    if process is not None:
        return process.poll() is None
    if not (folder / "lock").exists():
        return False
    try:
        with FileLock(folder / "lock", timeout=0):
            return False
    except Timeout:
        return True


def _last_words(folder: Path) -> tuple[State, str, int]:
    """Return state, sentence and exit code of a process that ended without saying them."""
    process = _started.get(folder.resolve())
    code = process.returncode if process is not None else None
    if code is not None and (-code in (signal.SIGTERM, signal.SIGINT) or code == INTERRUPTED_EXIT_CODE):
        return "interrupted", "interrupted before anything was begun", INTERRUPTED_EXIT_CODE
    how = "ended without a word (the computer or the page may have been restarted); start it again"
    if code is not None and -code in (signal.SIGKILL, signal.SIGSEGV):
        end = "was killed, as happens when memory runs out" if -code == signal.SIGKILL else "crashed"
        how = f"{end}; use a smaller --image-size or --batch-size, or start it again"
    return "failed", f"the process {how}", ResourceError.exit_code


def cancel_job(folder: Path) -> None:
    """Ask the job's process to stop, keeping what it has; it is killed after `GRACE_S`. Returns at once."""
    process = _started.get(folder.resolve())
    if process is None or process.poll() is not None or folder.resolve() in _asked_to_stop:
        return
    # A second wish would mean "at once", and lose what the first lets it keep.
    _asked_to_stop.add(folder.resolve())
    _signal(process, signal.SIGTERM)
    threading.Thread(target=_end, args=(process,), daemon=True).start()


def wait_job(folder: Path) -> Status:
    """Wait for a job that this process has started and return its last status."""
    process = _started[folder.resolve()]
    process.wait()
    status = read_process(folder)
    return status or Status("failed", error=f"the folder {folder} has been deleted", exit_code=5)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal the whole group, loader processes included."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number) if hasattr(os, "killpg") else process.send_signal(number)
