"""Look at images in processes of their own, which end with the work and with this process, however it ends.

Each is a session of its own: Ctrl-C in a terminal, or a signal to a whole process group, reaches this process alone,
which then ends the others. They wait on a pipe, and leave when it closes.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from finetune.data.health.looking import Outcome
from finetune.errors import ResourceError

_ROOT = Path(__file__).resolve().parents[3]
_PROGRAM = "from finetune.data.health.looking import serve; serve()"
_TOGETHER = 32
"""Images in one question: few enough that all processes have some to the end."""


def look_in_processes(paths: Sequence[str], workers: int) -> Generator[Outcome]:
    """Yield the outcomes of ``paths`` in order, from ``workers`` processes; closing it ends them at once.

    Raises ResourceError when the system ends one of them, as it does when memory runs out.
    """
    parts = [paths[start : start + _TOGETHER] for start in range(0, len(paths), _TOGETHER)]
    lookers: list[_Looker] = []
    idle: SimpleQueue[_Looker] = SimpleQueue()

    def look(part: Sequence[str]) -> list[Outcome]:
        looker = idle.get()
        try:
            return looker.look(part)
        finally:
            idle.put(looker)

    pool = ThreadPoolExecutor(workers)
    try:
        for _ in range(min(workers, len(parts))):
            lookers.append(_Looker())
            idle.put(lookers[-1])
        for outcomes in pool.map(look, parts):
            yield from outcomes
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for looker in lookers:
            looker.kill()
        pool.shutdown()
        for looker in lookers:
            looker.close()


class _Looker:
    """One process; used from one thread at a time."""

    def __init__(self) -> None:
        # -P: a user's own folder called `finetune` must not be taken for the package.
        command = [sys.executable, "-P", "-c", _PROGRAM]
        paths = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        # As many processes as cores: none has use for threads of its own.
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **alone, "PYTHONPATH": paths},
            start_new_session=True,
        )

    def look(self, paths: Sequence[str]) -> list[Outcome]:
        """Return the outcomes of ``paths`` in order; raises ResourceError when the process has ended."""
        questions, answers = self._process.stdin, self._process.stdout
        assert questions is not None
        assert answers is not None
        try:
            pickle.dump(list(paths), questions)
            questions.flush()
            outcomes: list[Outcome] = pickle.load(answers)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            code = self._process.wait()
            raise ResourceError(
                f"a process that looks at images ended by itself (exit code {code}), as happens when memory runs "
                f"out, at {paths[0]} or soon after; free some memory and try again, what was seen is kept"
            ) from error
        return outcomes

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def close(self) -> None:
        """Take back what the ended process held; no thread may be using it."""
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
