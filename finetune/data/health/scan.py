"""Look at every image of a list once: what the index knows is not read again, the rest is decoded in parallel."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from finetune.data.health.child import Outcome
from finetune.data.health.index import ImageIndex, stamp_of
from finetune.data.health.index_rows import Seen, Stamp
from finetune.data.health.lookers import CRASHED, by_processes, by_threads, one_by_one
from finetune.data.sources import LabelledImage

Progress = Callable[[int, int], None]
"""Called with (images done, images in all)."""

MANY = 1_000
"""From so many unread images on, processes of their own pay: small images are held up by Python's lock."""

_WRITE_EVERY = 512


def scan(
    images: Sequence[LabelledImage],
    index: ImageIndex,
    *,
    progress: Progress | None = None,
    workers: int | None = None,
) -> list[Seen | str]:
    """Return for each image, in order, what was seen, or the reason why it cannot be decoded.

    What is new is kept in ``index`` every few hundred images and when the scan is interrupted, so that the next
    one goes on. ``workers`` (default: one a core) are threads, and processes from `MANY` unread images on. A file
    that has ended a process before is looked at in one again, by itself.
    """
    stamps = {str(image.path): stamp for image in images if (stamp := stamp_of(image.path)) is not None}
    known = index.known(stamps)
    unread = list(dict.fromkeys(str(image.path) for image in images if str(image.path) not in known))
    n_known = len(images) - len(unread)
    crashed = index.crashed({path: stamps[path] for path in unread if path in stamps})
    harmless, harmful = ([path for path in unread if (path in crashed) == is_so] for is_so in (False, True))
    if progress is not None and n_known:
        progress(n_known, len(images))
    outcomes: dict[str, Seen | str] = dict(known)
    with (
        _kept(index, stamps) as keep,
        contextlib.closing(_outcomes(harmless, harmful, workers or usual_workers())) as found,
    ):
        for done, (path, outcome) in enumerate(zip(harmless + harmful, found, strict=True), n_known + 1):
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
        if outcome == CRASHED and path in stamps:
            index.note_crash(path, stamps[path])
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


def _outcomes(paths: Sequence[str], crashed: Sequence[str], workers: int) -> Generator[Outcome]:
    if len(paths) < MANY or workers == 1:
        yield from by_threads(paths, workers)
    else:
        yield from by_processes(paths, workers)
    yield from one_by_one(crashed, workers)
