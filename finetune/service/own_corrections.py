"""A project's own list of corrections: images that are left out, have another class, or keep theirs for certain.

``PROJECT/corrections.csv`` has the columns of a table of suspects: ``path``, the image's name; ``label``, the class
it came with; ``suggested``, the class it is to have: the same to keep it, empty to leave the image out.
"""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune.data.corrections import LABEL, PATH, SUGGESTED
from finetune.errors import DataError
from finetune.service.projects import Project
from finetune.service.result import replace_text

FILE = "corrections.csv"
TABLES = "corrections"
LEFT_OUT = ""
MOST = 5000
_changing = threading.Lock()


@dataclass(frozen=True)
class Correction:
    """What becomes of the image ``name``, of class ``label``: it gets the class ``to``, or is `LEFT_OUT`."""

    name: str
    label: str
    to: str

    @property
    def changes(self) -> bool:
        """Whether training sees something else than without it."""
        return self.to != self.label


def corrections_of(project: Project) -> dict[str, Correction]:
    """Return the project's list by the images' names, the newest last."""
    try:
        text = (project.folder / FILE).read_text(encoding="utf-8")
    except OSError:
        return {}
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return {row[PATH]: Correction(row[PATH], row[LABEL], row[SUGGESTED]) for row in rows}


def note(project: Project, correction: Correction) -> None:
    """Put ``correction`` on the list, in the place of an earlier one of the same image.

    Raises DataError where the list is full.
    """
    with _changing:
        rest = {name: each for name, each in corrections_of(project).items() if name != correction.name}
        if len(rest) >= MOST:
            raise DataError(
                f"{project.name} has {MOST:,} corrections; more come better in the images' folders"
            )
        _write(project, [*rest.values(), correction])


def take_back(project: Project, names: Iterable[str]) -> None:
    """Take the corrections of the images ``names`` off the list."""
    gone = set(names)
    with _changing:
        _write(project, [each for name, each in corrections_of(project).items() if name not in gone])


def tables(project: Project, corrections: Iterable[Correction]) -> dict[str, str]:
    """Write ``corrections`` as tables for a training and return their paths by the fields of a recipe that take them.

    The same corrections are the same files, and others never change them: runs go on with what they began with.
    """
    changing = [each for each in corrections if each.changes]
    found: Mapping[str, list[Correction]] = {
        "drop_suspects": [each for each in changing if each.to == LEFT_OUT],
        "relabel": [each for each in changing if each.to != LEFT_OUT],
    }
    return {field: str(_table(project, rows)) for field, rows in found.items() if rows}


def _table(project: Project, rows: Iterable[Correction]) -> Path:
    """Write a table without the images' own classes, which an earlier correction may have been about."""
    text = _as_csv((PATH, SUGGESTED), sorted((each.name, each.to) for each in rows))
    folder = project.folder.resolve() / TABLES
    folder.mkdir(exist_ok=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.csv"
    replace_text(path, text)
    return path


def _write(project: Project, corrections: Iterable[Correction]) -> None:
    rows = [(each.name, each.label, each.to) for each in corrections]
    replace_text(project.folder / FILE, _as_csv((PATH, LABEL, SUGGESTED), rows))


def _as_csv(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return stream.getvalue()
