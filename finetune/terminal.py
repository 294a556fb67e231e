"""The terminal as a place to report to: sentences and progress bars on stderr, results on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from finetune.progress import Advance

WARNINGS = ("warning:", "警告：")
"""How a sentence begins that comes through even when quiet."""

PIPE_WIDTH = 10_000
"""Cells in a line where nobody's screen sets a limit: a folded name is of no use to grep."""


class TerminalReporter:
    """Shows sentences and progress with the time left; ``quiet`` keeps only warnings.

    Where stderr is not a terminal, bars are left out and sentences stay.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True, emoji=False)
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Print one sentence; warnings come through even when quiet."""
        is_warning = text.startswith(WARNINGS)
        if not self._quiet or is_warning:
            self._console.print(text, markup=False, style="yellow" if is_warning else None)

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:
        """Show a bar with count and time left while the context is open."""
        columns = (
            TextColumn("{task.description}", markup=False),  # it may hold a path with brackets
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        hidden = self._quiet or not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=hidden) as progress:
            task = progress.add_task(title, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)


def result_console(stream: TextIO | None = None) -> Console:
    """Return the console that results go to: stdout, without wrapping where it is not a terminal."""
    stream = stream or sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, highlight=False, emoji=False, width=width)
