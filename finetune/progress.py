"""How long work tells what it does: sentences and advancing counts, without knowing who shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

Advance = Callable[[int, int], None]
"""Called with (done, total)."""


class Reporter(Protocol):
    """Receives what long work has to say. The terminal, the page and the log each are one."""

    def say(self, text: str) -> None:
        """Take one sentence or paragraph."""

    def track(self, title: str) -> _Tracked:
        """Open a count for the work called ``title``; the context gives a function of (done, total)."""


class _Tracked(Protocol):
    def __enter__(self) -> Advance: ...

    def __exit__(self, *args: object) -> None: ...


class Silent:
    """Says nothing: the default for callers from Python."""

    def say(self, text: str) -> None:
        """Drop the text."""

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:
        """Give a function that does nothing."""
        yield lambda done, total: None
