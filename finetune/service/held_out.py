"""A few images that a run was judged on, kept beside its job: what to try a classifier on when nothing is at hand.

``JOB/held-out/`` holds the images as they came, a small picture of each, and ``images.json``, written last.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from finetune.service.result import read_result, write_result

FOLDER, LIST = "held-out", "images.json"
MOST = 8


@dataclass(frozen=True)
class HeldOut:
    """One image that training did not see, the class that it is labelled as, and a small JPEG of it."""

    image: Path
    label: str
    picture: Path


def keep_held_out(job: Path, run: Path, data: str, *, offline: bool) -> None:
    """Copy at most `MOST` of the images that ``run`` was judged on into ``job``, the classes in turn.

    ``data`` is what the run was trained on. Raises DataError where it has gone, OSError where there is no room.
    """
    from finetune.data.sources import open_source
    from finetune.service.small_pictures import write_picture

    folder = job / FOLDER
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier attempt
    folder.mkdir()
    paths = {image.name: image.path for image in open_source(data, offline=offline).images}
    kept: list[dict[str, str]] = []
    for name, label in _in_turn(_judged(run / "predictions.csv")):
        if (
            name in paths
            and len(kept) < MOST
            and write_picture(paths[name], folder / f"{len(kept)}-small.jpg")
        ):
            image = f"{len(kept)}{paths[name].suffix.lower()}"
            shutil.copyfile(paths[name], folder / image)
            kept.append({"image": image, "label": label})
    write_result(folder / LIST, {"images": kept})


def read_held_out(job: Path) -> tuple[HeldOut, ...]:
    """Return what `keep_held_out` has put beside ``job``, nothing where it did not."""
    folder = job / FOLDER
    return tuple(
        HeldOut(folder / row["image"], row["label"], folder / f"{number}-small.jpg")
        for number, row in enumerate(read_result(folder / LIST).get("images", ()))
    )


def _judged(table: Path) -> Mapping[str, Sequence[str]]:
    """Return the names of the images in the run's table of predictions by their class."""
    names: dict[str, list[str]] = {}
    with table.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            names.setdefault(row["label"], []).append(row["path"])
    return names


def _in_turn(names: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield name and class: the first of each class, then the second of each, and so on."""
    for each in zip_longest(*names.values()):
        yield from ((name, label) for name, label in zip(each, names, strict=True) if name is not None)
