"""Classify images with a bundle: one answer an image, in order; a bad image is an answer too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from finetune.bundle.answers import Answer, Engine, answer
from finetune.bundle.bundle import Bundle
from finetune.bundle.views import PLAIN, Views
from finetune.data.health.scan import usual_workers
from finetune.data.images import load_rgb
from finetune.errors import ImageError
from finetune.known.conformal import DEFAULT_COVERAGE, check_coverage
from finetune.progress import Advance

BATCH_SIZE = 32
"""Images at once: larger batches are no faster on a processor."""
MOST_THREADS = 16

DEFAULT_TOP = 3


@dataclass(frozen=True)
class Prediction:
    """One image's answer: the ``top`` labels with probabilities in [0, 1], best first; or an ``error``.

    ``known`` says whether the image is of a kind that the bundle was trained on, and ``plausible`` names the classes
    that hold the true one as often as was asked for, likeliest first; None where the bundle cannot tell.
    """

    path: Path
    top: tuple[tuple[str, float], ...]
    error: str
    known: bool | None = None
    plausible: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        """Return the likeliest label, or an empty string for an image that could not be read."""
        return self.top[0][0] if self.top else ""

    @property
    def probability(self) -> float | None:
        """Return the likeliest label's probability."""
        return self.top[0][1] if self.top else None


def predict(
    bundle: Bundle,
    paths: Sequence[Path | str],
    *,
    top: int = DEFAULT_TOP,
    coverage: float = DEFAULT_COVERAGE,
    views: Views | None = None,
    advance: Advance | None = None,
    engine: Engine | None = None,
) -> Iterator[Prediction]:
    """Yield one `Prediction` for each of ``paths``, in order, with the ``top`` likeliest labels.

    ``coverage``, in (0, 1), is how often the plausible classes shall hold the true one. With ``views`` the
    probabilities are the mean over these views of each image; known and plausible are judged by the image as it is.
    A file that is no readable image yields a prediction with ``error`` set; nothing is raised for it.
    ``engine`` runs the network, by default torch. Two batches of images are in memory at a time.
    Raises OptionError for another coverage.
    """
    check_coverage(coverage)
    return _predicted(
        bundle,
        [Path(path) for path in paths],
        _Asked(top, coverage, views or PLAIN, engine or bundle),
        advance,
    )


@dataclass(frozen=True)
class _Asked:
    top: int
    coverage: float
    views: Views
    engine: Engine


def _predicted(
    bundle: Bundle, paths: Sequence[Path], asked: _Asked, advance: Advance | None
) -> Iterator[Prediction]:
    starts = range(0, len(paths), BATCH_SIZE)
    with ThreadPoolExecutor(decoding_threads()) as pool:

        def begin(start: int) -> list[Future[Tensor | ImageError]]:
            """Have a batch decoded while the network is busy with the one before."""
            return [
                pool.submit(read_views, bundle, path, asked.views)
                for path in paths[start : start + BATCH_SIZE]
            ]

        coming = begin(0)
        try:
            for start in starts:
                ready = [future.result() for future in coming]
                coming = begin(start + BATCH_SIZE)
                part = paths[start : start + BATCH_SIZE]
                yield from _predict_batch(bundle, part, ready, asked)
                if advance is not None:
                    advance(start + len(part), len(paths))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def decoding_threads() -> int:
    """Return how many images to decode at once: one a core, since decoding leaves Python's lock."""
    return min(MOST_THREADS, usual_workers())


def read_views(bundle: Bundle, path: Path, views: Views) -> Tensor | ImageError:
    """Return the network's inputs for one file, V x 3 x side x side, the plain view first; or what is wrong."""
    try:
        return views.of(load_rgb(path), bundle.preprocessing)
    except ImageError as error:
        return error


def _predict_batch(
    bundle: Bundle, paths: Sequence[Path], ready: Sequence[Tensor | ImageError], asked: _Asked
) -> list[Prediction]:
    inputs = {rank: image for rank, image in enumerate(ready) if isinstance(image, Tensor)}
    errors = {
        rank: str(error).removeprefix(f"{paths[rank]} ")
        for rank, error in enumerate(ready)
        if isinstance(error, ImageError)
    }
    answers = {}
    if inputs:
        found = answer(
            bundle, list(inputs.values()), top=asked.top, coverage=asked.coverage, engine=asked.engine
        )
        answers = dict(zip(inputs, found, strict=True))
    return [
        _prediction(path, answers[rank], bundle.class_names)
        if rank in answers
        else Prediction(path, (), errors.get(rank, ""))
        for rank, path in enumerate(paths)
    ]


def _prediction(path: Path, found: Answer, names: Sequence[str]) -> Prediction:
    plausible = found.verdict.plausible
    return Prediction(
        path,
        tuple((names[index], share) for index, share in found.top),
        "",
        found.verdict.known,
        None if plausible is None else tuple(names[index] for index in plausible),
    )
