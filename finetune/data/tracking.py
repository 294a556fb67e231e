"""How the reading of a data set tells what it does, without knowing who shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Track = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Opens a count for the work of a title; the context gives a function of (done, total), as a reporter's does."""


@contextmanager
def untracked(title: str) -> Iterator[Callable[[int, int], None]]:  # noqa: ARG001
    """Give a function that does nothing with the count of ``title``."""
    yield _ignore


def _ignore(done: int, total: int) -> None:
    """Take a count and do nothing."""
