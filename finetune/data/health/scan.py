"""Look at every image of a list once: what the index knows is not read again, the rest is decoded in parallel."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed

from finetune.data.health.index import ImageIndex, Seen, Stamp, stamp_of
from finetune.data.health.look import look_at
from finetune.data.images import examine
from finetune.data.sources import LabelledImage
from finetune.errors import ImageError

Progress = Callable[[int, int], None]
"""Called with (images done, images in all)."""

Outcome = tuple[Seen, bytes] | str
"""What was seen with the thumbnail, or why the image cannot be decoded."""

MANY = 1_000
"""From so many unread images on, processes of their own pay: small images are held up by Python's lock."""

_TOGETHER = 32
_WRITE_EVERY = 512
_MANAGER = "ExecutorManagerThread"
_MANAGER_WAIT_S = 5.0
_MAX_THREADS = 16
"""Each may hold an image of MAX_PIXELS: about half a GiB."""


def scan(
    images: Sequence[LabelledImage],
    index: ImageIndex,
    *,
    progress: Progress | None = None,
    workers: int | None = None,
) -> list[Seen | str]:
    """Return for each image, in order, what was seen, or the reason why it cannot be decoded.

    What is new is kept in ``index`` every few hundred images and when the scan is interrupted, so that the next
    one goes on. ``workers`` (default: one a core) are threads, and processes from `MANY` unread images on.
    """
    stamps = {str(image.path): stamp for image in images if (stamp := stamp_of(image.path)) is not None}
    known = index.known(stamps)
    unread = list(dict.fromkeys(str(image.path) for image in images if str(image.path) not in known))
    n_known = len(images) - len(unread)
    if progress is not None and n_known:
        progress(n_known, len(images))
    outcomes: dict[str, Seen | str] = dict(known)
    with (
        _kept(index, stamps) as keep,
        contextlib.closing(_outcomes(unread, workers or usual_workers())) as found,
    ):
        for done, (path, outcome) in enumerate(zip(unread, found, strict=True), n_known + 1):
            outcomes[path] = outcome if isinstance(outcome, str) else outcome[0]
            keep(path, outcome)
            if progress is not None:
                progress(done, len(images))
    return [outcomes[str(image.path)] for image in images]


@contextlib.contextmanager
def _kept(index: ImageIndex, stamps: Mapping[str, Stamp]) -> Iterator[Callable[[str, Outcome], None]]:
    """Give a function that keeps what was seen of a path; whatever ends the scan, all of it is in the index."""
    rows: list[tuple[str, Stamp, Seen, bytes]] = []

    def keep(path: str, outcome: Outcome) -> None:
        if not isinstance(outcome, str) and path in stamps:
            rows.append((path, stamps[path], *outcome))
        if len(rows) >= _WRITE_EVERY:
            index.add(rows)
            rows.clear()

    try:
        yield keep
    finally:
        index.add(rows)


def usual_workers() -> int:
    """Return the cores that this process may use: a container may own fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _outcomes(paths: Sequence[str], workers: int) -> Generator[Outcome]:
    if len(paths) < MANY or workers == 1:
        yield from _by_threads(paths, min(workers, _MAX_THREADS))
    else:
        yield from _by_processes(paths, workers)


def _by_threads(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(_look_at_file, paths)
    finally:
        # Ctrl-C must not wait for fifty thousand images that are still queued.
        pool.shutdown(cancel_futures=True)


def _by_processes(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    parts = [paths[start : start + _TOGETHER] for start in range(0, len(paths), _TOGETHER)]
    pool = Parallel(n_jobs=workers, return_as="generator", pre_dispatch="4*n_jobs")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_manager_unheard())
        with _signals_kept_from_children():
            found = stack.enter_context(_ended(pool(delayed(look_at_files)(part) for part in parts)))
        for outcomes in found:
            yield from outcomes


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
def _manager_unheard() -> Iterator[None]:
    """Wait for the thread that hands out the tasks, and let it stumble over those that it has just dropped.

    loky forgets the tasks that wait when its processes are ended, but may still look one up: a KeyError in a thread
    that ends anyway, which Python would print.
    """
    former = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.thread is None or args.thread.name != _MANAGER or args.exc_type is not KeyError:
            former(args)

    threading.excepthook = hook
    try:
        yield
        for thread in threading.enumerate():
            if thread.name == _MANAGER and thread.is_alive():
                thread.join(_MANAGER_WAIT_S)
    finally:
        threading.excepthook = former


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
