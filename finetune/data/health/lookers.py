"""Look at image files in threads or in processes, whatever a file does to the process that looks at it.

A decoder that crashes, or that the system ends because memory runs out, takes its process along. Then the files that
were being looked at are looked at again, a few at a time and at last one by one, and the culprit alone is left out.
"""

from __future__ import annotations

import contextlib
import signal
import warnings
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from finetune.data.health.index_rows import Seen
from finetune.data.health.look import look_at
from finetune.data.images import examine
from finetune.errors import ImageError

Outcome = tuple[Seen, bytes] | str
"""What was seen with the thumbnail, or why the image cannot be decoded."""

CRASHED = "makes the decoder crash or use up the memory; leave it out, or save it anew"

_TOGETHER = 32
_CAREFUL_PARTS = 8
"""Parts for each process that are looked at one after another once one has ended: about what was being looked at."""

_MAX_THREADS = 16
"""Each may hold an image of MAX_PIXELS: about half a GiB."""


def by_threads(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    """Yield the outcomes of ``paths`` in order."""
    pool = ThreadPoolExecutor(min(workers, _MAX_THREADS))
    try:
        yield from pool.map(_look_at_file, paths)
    finally:
        # Ctrl-C must not wait for fifty thousand images that are still queued.
        pool.shutdown(cancel_futures=True)


def by_processes(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    """Yield the outcomes of ``paths`` in order; `CRASHED` of a file that ends the process that looks at it."""
    parts = deque(paths[start : start + _TOGETHER] for start in range(0, len(paths), _TOGETHER))
    is_careful = False
    while parts:
        some = [*parts][: _CAREFUL_PARTS * workers] if is_careful else [*parts]
        try:
            with contextlib.closing(_in_children(some, workers, one_at_a_time=is_careful)) as found:
                for outcomes in found:
                    parts.popleft()
                    yield from outcomes
            is_careful = False
        except BrokenProcessPool:
            if is_careful:
                outcomes = list(one_by_one(parts.popleft(), workers))
                yield from outcomes
                is_careful = CRASHED not in outcomes
            else:
                is_careful = True


def one_by_one(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    """Yield the outcomes of ``paths`` in order, each from a process that may end without harm; slow."""
    for path in paths:
        try:
            (outcomes,) = _in_children([[path]], workers, one_at_a_time=True)
            yield from outcomes
        except BrokenProcessPool:
            yield CRASHED


def _in_children(
    parts: Sequence[Sequence[str]], workers: int, *, one_at_a_time: bool
) -> Generator[list[Outcome]]:
    """Yield the outcomes of each part in order; raises BrokenProcessPool when a process ends by itself."""
    # With more in flight than loky's queue holds, its thread may end with a KeyError when all is to stop.
    amounts: dict[str, Any] = (
        {"pre_dispatch": 1, "batch_size": 1} if one_at_a_time else {"pre_dispatch": "2*n_jobs"}
    )
    # With one job joblib would start no process.
    pool = Parallel(n_jobs=max(2, workers), return_as="generator", **amounts)
    with contextlib.ExitStack() as stack:
        with _signals_kept_from_children():
            found = stack.enter_context(_ended(pool(delayed(look_at_files)(part) for part in parts)))
        # Not delegated to: who leaves early must not close it before it is meant to be.
        for outcomes in found:  # noqa: UP028
            yield outcomes


@contextlib.contextmanager
def _ended(results: Generator[Any]) -> Iterator[Generator[Any]]:
    """Give ``results``, and end the processes that still work on them when the context is left early."""
    try:
        yield results
    finally:
        with warnings.catch_warnings():
            # joblib warns that tasks were cancelled: they were meant to be.
            warnings.simplefilter("ignore", UserWarning)
            results.close()


@contextlib.contextmanager
def _signals_kept_from_children() -> Iterator[None]:
    """Start processes that a terminal's Ctrl-C, or a signal to the whole group, does not reach.

    This process answers it for all: one that is hit while it starts would print a traceback. A blocked signal
    stays blocked in children, those of threads begun meanwhile included.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def look_at_files(paths: Sequence[str]) -> list[Outcome]:
    """Return the outcomes of ``paths`` in order."""
    return [_look_at_file(path) for path in paths]


def _look_at_file(path: str) -> Outcome:
    try:
        facts, (look, thumb) = examine(Path(path), look_at)
    except ImageError as error:
        return str(error).removeprefix(f"{path} ")
    return Seen(facts, look), thumb
