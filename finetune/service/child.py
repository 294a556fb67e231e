"""The process of one job: ``python -m finetune.service.child FOLDER PARENT`` does what the folder's request asks.

``python -m finetune.service.child --spare PARENT`` loads what most jobs need and waits to be told its folder.

It ends itself when the process that started it is gone, and says its last word in ``status.json`` however it ends.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path

from filelock import FileLock, Timeout

from finetune.errors import INTERRUPTED_EXIT_CODE
from finetune.failure import explain
from finetune.python import confine
from finetune.service.ahead import draw_and_look, meanwhile
from finetune.service.status import StatusReporter
from finetune.service.work import KINDS

HEARTBEAT = "heartbeat"
NICE = 10
"""The page must answer while the processors are busy."""
PARENT_ASKED_EVERY_S = 1.0
USUAL = (
    "finetune.service.analysis",
    "finetune.training.advising",
    "finetune.training.train",
    "finetune.model.describe",
)
"""What jobs import before they begin; all else they load with these."""


def wait_for_folder() -> Path:
    """Load what most jobs need, have work done ahead, and return the folder that this process is told.

    It exits when the asker is gone. Once told, what is printed goes to the folder's ``output.txt``, as of any job.
    """
    _lower_priority()
    for module in USUAL:
        importlib.import_module(module)
    with meanwhile(draw_and_look):
        told = sys.stdin.readline().strip()
    if not told:
        sys.exit(0)
    with (Path(told) / "output.txt").open("ab") as output, open(os.devnull) as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    return Path(told)


def main(folder: Path, parent: int) -> int:
    """Carry out the request in ``folder``, asked for by the process ``parent``, and return the exit code."""
    reporter, lock = StatusReporter(folder / "status.json", log=sys.stdout), FileLock(folder / "lock")
    try:
        _end_with(parent, folder / HEARTBEAT)
        lock.acquire()
        request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
        KINDS[request.pop("kind")](folder, reporter, **request)
    except KeyboardInterrupt as error:
        if not _is_ours(lock):
            return INTERRUPTED_EXIT_CODE
        sentence = str(error) or "interrupted; what was finished is kept"
        return _last_word(reporter, "interrupted", sentence, INTERRUPTED_EXIT_CODE)
    except Exception as error:  # noqa: BLE001 - the last word must be said, whatever happened
        traceback.print_exc()
        sentence, code = explain(error)
        state = "interrupted" if code == INTERRUPTED_EXIT_CODE else "failed"
        return _last_word(reporter, state, sentence, code)
    else:
        return _last_word(reporter, "finished", "", 0)
    finally:
        lock.release()  # after the last word: who finds it free finds that


def _is_ours(lock: FileLock) -> bool:
    """Whether the folder is this process's, or nobody's: another one must not be talked over."""
    if not lock.is_locked:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
    return lock.is_locked


def _last_word(reporter: StatusReporter, state: str, error: str, code: int) -> int:
    # The folder may have been deleted meanwhile: then there is nobody left to tell.
    with contextlib.suppress(OSError):
        reporter.put(state, error=error, exit_code=code)  # type: ignore[arg-type]
    return code


def _lower_priority() -> None:
    if hasattr(os, "nice"):
        os.nice(NICE)


def _end_with(parent: int, heartbeat: Path) -> None:
    """Stop as on Ctrl-C when the parent is gone: nobody is left who could stop this process.

    As long as it is there, ``heartbeat`` is touched: a parent can tell a process that hangs from one that works.
    The parent's number is told, not asked: it may have gone while Python was starting up.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def watch() -> None:
        while os.getppid() == parent:
            with contextlib.suppress(OSError):
                heartbeat.touch()
            time.sleep(PARENT_ASKED_EVERY_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    confine()
    # pytorch-lightning 2.6 on torch >= 2.14 touches torch.utils._pytree.LeafSpec on import.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    if sys.argv[1] == "--spare":
        work = wait_for_folder()
    else:
        _lower_priority()
        work = Path(sys.argv[1])
    sys.exit(main(work, int(sys.argv[2])))
