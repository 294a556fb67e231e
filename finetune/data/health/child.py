"""A process that looks at image files for another: lists of paths come in, their outcomes go out, both pickled.

A process of its own for what decodes, started like any program: a signal to the terminal's group does not reach it,
it shares nothing but two pipes, and it ends when the one that asks is gone. What it is given is this program's own.
"""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from finetune.data.health.index_rows import Seen
from finetune.data.health.look import look_at
from finetune.data.images import examine
from finetune.errors import ImageError
from finetune.python import LEAST_MEMORY, command, confine, environment

Outcome = tuple[Seen, bytes] | str
"""What was seen with the thumbnail, or why the image cannot be decoded."""


class Ended(Exception):  # noqa: N818 - an event that the caller answers, not a fault
    """Raised where the process is gone before it has answered."""


class Child:
    """One such process; used from one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            command(__name__),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def look_at(self, paths: Sequence[str]) -> list[Outcome]:
        """Return the outcomes of ``paths`` in order; raises Ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump(list(paths), self._process.stdin)
            self._process.stdin.flush()
            outcomes: list[Outcome] = pickle.load(self._process.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            raise Ended from None
        return outcomes

    def kill(self) -> None:
        """End it at once; a thread that waits for its answer gets Ended."""
        self._process.kill()

    def end(self) -> None:
        """End it and leave nothing of it; after that it is of no use."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # what was still to be sent has nobody to read it
                pipe.close()


def look_at_file(path: str) -> Outcome:
    """Return what is to be seen of the image file ``path``."""
    try:
        facts, (look, thumb) = examine(Path(path), look_at)
    except ImageError as error:
        return str(error).removeprefix(f"{path} ")
    return Seen(facts, look), thumb


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Answer every list of paths until there are no more."""
    while True:
        try:
            paths = pickle.load(asked)
        except EOFError:
            return
        pickle.dump([look_at_file(path) for path in paths], answers)
        answers.flush()


if __name__ == "__main__":
    confine(LEAST_MEMORY)
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        sys.exit(1)
