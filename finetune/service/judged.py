"""What a finished run said of each image that judged it, as its folder keeps it."""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREDICTIONS = "predictions.csv"
MOST_RUNS_HELD = 8


@dataclass(frozen=True)
class Judged:
    """One image by its ``place`` in the run's list and ``name`` below the data, with what it is and was called."""

    place: int
    name: str
    label: str
    called: str
    probability: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields."""
        return self.__dict__.copy()


def judged_images(run: Path) -> tuple[Judged, ...]:
    """Return the images of a run in the order of its list; none where that is missing or damaged."""
    path = run / PREDICTIONS
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, csv.Error):
        return ()


def in_cell(run: Path, label: str, called: str) -> list[Judged]:
    """Return the images of class ``label`` that were called ``called``, the surest first."""
    found = [each for each in judged_images(run) if (each.label, each.called) == (label, called)]
    return sorted(found, key=lambda each: -each.probability)


@functools.lru_cache(maxsize=MOST_RUNS_HELD)
def _read(path: Path, _changed: int) -> tuple[Judged, ...]:
    with path.open(encoding="utf-8", newline="") as stream:
        return tuple(_rows(csv.DictReader(stream)))


def _rows(rows: Iterator[Mapping[str, str]] | csv.DictReader[str]) -> Iterator[Judged]:
    for place, row in enumerate(rows):
        yield Judged(place, row["path"], row["label"], row["predicted"], float(row["probability"]))
