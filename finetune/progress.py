"""How long work tells what it does: sentences and advancing counts, without knowing who shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int, int], None]
"""Called with (done, total)."""


class Reporter(Protocol):
    """Receives what long work has to say. The terminal, the page and the log each are one."""

    def say(self, text: str) -> None:
        """Take one sentence or paragraph."""

    def track(self, title: str) -> AbstractContextManager[Advance]:
        """Open a count for the work called ``title``; the context gives a function of (done, total)."""


class Silent:
    """Says nothing: the default for callers from Python."""

    def say(self, text: str) -> None:
        """Drop the text."""

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:  # noqa: ARG002
        """Give a function that does nothing with the count of ``title``."""
        yield _ignore


def _ignore(done: int, total: int) -> None:
    """Take a count and do nothing."""


SILENT = Silent()
