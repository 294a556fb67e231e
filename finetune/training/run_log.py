"""The log of a run: everything that was said, with the time, on disk as soon as there is a folder for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetune.progress import Advance, Reporter


class RunLog:
    """A reporter that passes everything on to ``reporter`` and writes it down.

    What comes before `open` waits and is written then; after it each line is on disk when it has been said, so
    that an interrupted run has its log. Counts are written once, when their work ends. A warning is said once: two
    parts of a run may meet the same full disk.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._path: Path | None = None
        self._waiting: list[str] = []
        self._warned: set[str] = set()

    def open(self, path: Path) -> None:
        """Write to ``path`` from now on, what has waited first."""
        self._path = path
        self._append("".join(self._waiting))
        self._waiting.clear()

    def say(self, text: str) -> None:
        """Write the text down and pass it on, unless it is a warning that was said before."""
        if text in self._warned:
            return
        if text.startswith("warning:"):
            self._warned.add(text)
        self.note(text)
        self._reporter.say(text)

    def note(self, text: str) -> None:
        """Write the text down only: it is shown to the user in another way."""
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n"
        if self._path is None:
            self._waiting.append(line)
        else:
            self._append(line)

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:
        """Pass the count on; note at the end how far it came and the seconds it took."""
        started, reached = time.perf_counter(), (0, 0)
        with self._reporter.track(title) as advance:

            def count(done: int, total: int) -> None:
                nonlocal reached
                reached = done, total
                advance(done, total)

            try:
                yield count
            finally:
                done, total = reached
                self.note(f"{title}: {done} of {total}, {time.perf_counter() - started:.1f} s")

    def _append(self, lines: str) -> None:
        assert self._path is not None
        # A path that is not UTF-8 is still to be read in the log.
        with self._path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(lines)
