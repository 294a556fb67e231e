"""Look at image files: what was seen with the thumbnail, or why not; here, or as a process that is asked to."""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

from finetune.data.health.index import Seen
from finetune.data.health.look import look_at
from finetune.data.images import examine
from finetune.errors import ImageError

Outcome = tuple[Seen, bytes] | str
"""What was seen with the thumbnail, or why the image cannot be decoded."""


def look_at_file(path: str) -> Outcome:
    """Return the outcome of one image file."""
    try:
        facts, (look, thumb) = examine(Path(path), look_at)
    except ImageError as error:
        return str(error).removeprefix(f"{path} ")
    return Seen(facts, look), thumb


def look_at_files(paths: Sequence[str]) -> list[Outcome]:
    """Return the outcomes of ``paths`` in order."""
    return [look_at_file(path) for path in paths]


def serve() -> None:
    """Answer each pickled list of paths on stdin with their outcomes on stdout, as long as somebody asks."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what a decoder prints must not come between
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            rest = memoryview(pickle.dumps(look_at_files(pickle.load(sys.stdin.buffer))))
            while rest:
                rest = rest[answers.write(rest) :]
