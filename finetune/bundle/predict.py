"""Classify images with a bundle: any files and folders in, one row an image out; a bad image is a row too."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TextIO

from torch import Tensor

from finetune.bundle.answers import Answer, answer
from finetune.bundle.bundle import Bundle
from finetune.bundle.views import PLAIN, Views
from finetune.data.images import IMAGE_SUFFIXES, load_rgb
from finetune.data.places import is_named
from finetune.data.sources import LABELLED_SUFFIXES, open_source
from finetune.data.unpacking import is_archive, unpacked
from finetune.errors import DataError, ImageError, ResourceError
from finetune.known.conformal import DEFAULT_COVERAGE, check_coverage
from finetune.progress import SILENT, Advance, Reporter

BATCH_SIZE = 32
THREADS = 4
"""Decode the next batch while the network is busy with this one."""

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


def find_images(paths: Iterable[Path], *, offline: bool = False, reporter: Reporter = SILENT) -> list[Path]:
    """Return files as given, the images below folders and in archives, sorted, and those of any other set.

    ``reporter`` follows what has to be unpacked or written out.

    Raises DataError for a path that does not exist and when nothing is found.
    """
    found: list[Path] = []
    paths, track = list(paths), reporter.track
    for path in paths:
        if is_named(path) or (path.is_file() and path.suffix.lower() in LABELLED_SUFFIXES):
            found += [image.path for image in open_source(path, offline=offline, track=track).images]
        elif path.is_dir() or (path.is_file() and is_archive(path)):
            folder = path if path.is_dir() else unpacked(path, track=track)
            found += sorted(file for file in folder.rglob("*") if _is_image(file.relative_to(folder), file))
        elif path.exists():
            found.append(path)
        else:
            raise DataError(f"no such image or folder: {path}; check the path")
    if not found:
        raise DataError(f"no images in {', '.join(map(str, paths))}; give image files or folders of them")
    return found


def _is_image(name: Path, file: Path) -> bool:
    """Judge by the ending alone; hidden files and those in hidden folders are passed over."""
    hidden = any(part.startswith(".") for part in name.parts)
    return not hidden and file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()


def predict(
    bundle: Bundle,
    paths: Sequence[Path],
    *,
    top: int = DEFAULT_TOP,
    coverage: float = DEFAULT_COVERAGE,
    views: Views | None = None,
    advance: Advance | None = None,
) -> Iterator[Prediction]:
    """Yield one `Prediction` for each of ``paths``, in order, with the ``top`` likeliest labels.

    ``coverage``, in (0, 1), is how often the plausible classes shall hold the true one. With ``views`` the
    probabilities are the mean over these views of each image; known and plausible are judged by the image as it is.
    A file that is no readable image yields a prediction with ``error`` set; nothing is raised for it.
    Raises OptionError for another coverage.
    """
    check_coverage(coverage)
    return _predicted(bundle, paths, _Asked(top, coverage, views or PLAIN), advance)


@dataclass(frozen=True)
class _Asked:
    top: int
    coverage: float
    views: Views


def _predicted(
    bundle: Bundle, paths: Sequence[Path], asked: _Asked, advance: Advance | None
) -> Iterator[Prediction]:
    parts = [paths[start : start + BATCH_SIZE] for start in range(0, len(paths), BATCH_SIZE)]
    done = 0
    with ThreadPoolExecutor(THREADS) as pool:  # decoding leaves Python's lock
        read = [pool.submit(_read, bundle, path, asked.views) for path in parts[0]] if parts else []
        for part, following in zip_longest(parts, parts[1:], fillvalue=()):
            ready = [future.result() for future in read]
            read = [pool.submit(_read, bundle, path, asked.views) for path in following]
            yield from _predict_batch(bundle, part, ready, asked)
            done += len(part)
            if advance is not None:
                advance(done, len(paths))


def _read(bundle: Bundle, path: Path, views: Views) -> Tensor | ImageError:
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
        found = answer(bundle, list(inputs.values()), top=asked.top, coverage=asked.coverage)
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


def refuse_unwritable(path: Path) -> None:
    """Raise ResourceError when ``path`` cannot become a file, before any work is done for it."""
    if path.is_dir():
        raise ResourceError(f"--out {path} is a folder; name a CSV file in it")
    if not path.parent.is_dir():
        raise ResourceError(f"no folder {path.parent} for --out {path}; make it first")


def save_csv(
    path: Path, predictions: Iterable[Prediction], *, top: int, verdicts: Collection[str] = ()
) -> None:
    """Write the predictions to the CSV file ``path`` (see `write_csv`)."""
    # A path that is not UTF-8 keeps its row.
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        write_csv(stream, predictions, top=top, verdicts=verdicts)


def verdict_columns(bundle: Bundle) -> tuple[str, ...]:
    """Return the columns of `write_csv` that ``bundle`` can fill: ``set``, ``known``, both or none."""
    calibration = bundle.calibration
    has = {"set": calibration.conformal is not None, "known": calibration.reject is not None}
    return tuple(name for name, is_there in has.items() if is_there)


def write_csv(
    stream: TextIO, predictions: Iterable[Prediction], *, top: int, verdicts: Collection[str] = ()
) -> None:
    """Write ``path,label,probability,error,top1_label,top1_probability,…`` with ``top`` label columns.

    After them stand the ``verdicts``: ``set``, a JSON list of the plausible classes, and ``known``, true or false.
    """
    writer = csv.writer(stream)
    columns = [name for rank in range(1, top + 1) for name in (f"top{rank}_label", f"top{rank}_probability")]
    judged = [name for name in ("set", "known") if name in verdicts]
    writer.writerow(["path", "label", "probability", "error", *columns, *judged])
    for prediction in predictions:
        ranked = [value for label, share in prediction.top for value in (label, f"{share:.6f}")]
        probability = "" if prediction.probability is None else f"{prediction.probability:.6f}"
        padding = [""] * (2 * top - len(ranked))
        row = [prediction.path, prediction.label, probability, prediction.error, *ranked, *padding]
        plausible, known = prediction.plausible, prediction.known
        cells = {
            "set": "" if plausible is None else json.dumps(plausible, ensure_ascii=False),
            "known": "" if known is None else str(known).lower(),
        }
        writer.writerow([*row, *(cells[name] for name in judged)])
