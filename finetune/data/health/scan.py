"""Look at every image of a list once: what the index knows is not read again, the rest is decoded in parallel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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

    What is new is kept in ``index`` every few hundred images, so that an interrupted scan goes on. ``workers``
    (default: one a core) are threads, and processes from `MANY` unread images on.
    """
    stamps = {str(image.path): stamp for image in images if (stamp := stamp_of(image.path)) is not None}
    known = index.known(stamps)
    outcomes: dict[str, Seen | str] = dict(known)
    unread = list(dict.fromkeys(str(image.path) for image in images if str(image.path) not in known))
    n_known = len(images) - len(unread)
    if progress is not None and n_known:
        progress(n_known, len(images))
    rows: list[tuple[str, Stamp, Seen, bytes]] = []
    for done, (path, outcome) in enumerate(
        zip(unread, _outcomes(unread, workers or usual_workers()), strict=True), 1
    ):
        if isinstance(outcome, str):
            outcomes[path] = outcome
        else:
            outcomes[path] = outcome[0]
            if path in stamps:
                rows.append((path, stamps[path], *outcome))
        if len(rows) >= _WRITE_EVERY or done == len(unread):
            index.add(rows)
            rows = []
        if progress is not None:
            progress(n_known + done, len(images))
    return [outcomes[str(image.path)] for image in images]


def usual_workers() -> int:
    """Return the cores that this process may use: a container may own fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _outcomes(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    if len(paths) < MANY or workers == 1:
        yield from _by_threads(paths, min(workers, _MAX_THREADS))
        return
    parts = [paths[start : start + _TOGETHER] for start in range(0, len(paths), _TOGETHER)]
    for outcomes in Parallel(n_jobs=workers, return_as="generator", pre_dispatch="4*n_jobs")(
        delayed(look_at_files)(part) for part in parts
    ):
        yield from outcomes


def _by_threads(paths: Sequence[str], workers: int) -> Iterator[Outcome]:
    pool = ThreadPoolExecutor(workers)
    try:
        yield from pool.map(_look_at_file, paths)
    finally:
        # Ctrl-C must not wait for fifty thousand images that are still queued.
        pool.shutdown(cancel_futures=True)


def look_at_files(paths: Sequence[str]) -> list[Outcome]:
    """Return the outcomes of ``paths`` in order."""
    return [_look_at_file(path) for path in paths]


def _look_at_file(path: str) -> Outcome:
    try:
        facts, (look, thumb) = examine(Path(path), look_at)
    except ImageError as error:
        return str(error).removeprefix(f"{path} ")
    return Seen(facts, look), thumb
