"""Look at image files in threads or in processes, whatever a file does to the process that looks at it.

A decoder that crashes, or that the system ends because memory runs out, takes its process along. Then the files that
it was given are looked at again one by one, each in a process of its own, and the culprit alone is left out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from finetune.data.health.child import Child, Ended, Outcome, look_at_file

CRASHED = "makes the decoder crash or use up the memory; leave it out, or save it anew"

_TOGETHER = 32
_MAX_THREADS = 16
"""Each may hold an image of MAX_PIXELS: about half a GiB."""


def by_threads(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    """Yield the outcomes of ``paths`` in order."""
    pool = ThreadPoolExecutor(min(workers, _MAX_THREADS))
    try:
        yield from pool.map(look_at_file, paths)
    finally:
        # Ctrl-C must not wait for fifty thousand images that are still queued.
        pool.shutdown(cancel_futures=True)


def by_processes(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    """Yield the outcomes of ``paths`` in order; `CRASHED` of a file that ends the process that looks at it."""
    parts = [paths[start : start + _TOGETHER] for start in range(0, len(paths), _TOGETHER)]
    yield from _in_children(parts, workers)


def one_by_one(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    """Yield the outcomes of ``paths`` in order, each from a process that may end without harm."""
    yield from _in_children([[path] for path in paths], workers)


def _in_children(parts: Sequence[Sequence[str]], workers: int) -> Iterator[Outcome]:
    """Yield the outcomes of all parts in order; each of the ``workers`` threads asks a process of its own."""
    children = _Children()
    pool = ThreadPoolExecutor(min(workers, len(parts)) or 1)
    try:
        for outcomes in pool.map(children.look_at, parts):
            yield from outcomes
    finally:
        children.kill()
        pool.shutdown(cancel_futures=True)
        children.end()


class _Children:
    """A process for each thread that asks, begun when it first does and again after its end."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._all: set[Child] = set()
        self._closed = False

    def look_at(self, paths: Sequence[str]) -> list[Outcome]:
        """Return the outcomes of ``paths`` in order, whatever becomes of the process."""
        try:
            return self._child().look_at(paths)
        except Ended:
            self._forget()
        if len(paths) == 1 or self._closed:
            return [CRASHED] * len(paths)
        return [outcome for path in paths for outcome in self.look_at([path])]

    def kill(self) -> None:
        """End all processes at once: threads that wait for one are answered, and begin no other."""
        with self._lock:
            self._closed = True
            for child in self._all:
                child.kill()

    def end(self) -> None:
        """Leave nothing of them; no thread asks any more."""
        for child in self._all:
            child.end()

    def _child(self) -> Child:
        child: Child | None = getattr(self._mine, "child", None)
        if child is None:
            with self._lock:
                if self._closed:
                    raise Ended
                child = self._mine.child = Child()
                self._all.add(child)
        return child

    def _forget(self) -> None:
        child: Child | None = getattr(self._mine, "child", None)
        self._mine.child = None
        if child is not None:
            child.end()
            with self._lock:
                self._all.discard(child)
