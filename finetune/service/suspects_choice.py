"""What a training is to do with labels that are probably wrong: some rows of the list that was found."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from finetune.data.corrections import LABEL, PATH, SUGGESTED
from finetune.errors import OptionError, RunError
from finetune.service.data_jobs import newest_job
from finetune.service.data_work import SUSPECTS, TABLE
from finetune.service.own_corrections import LEFT_OUT, Correction
from finetune.service.projects import Project

ALL = "all"
MOST_PARTS = 1000

_PART = re.compile(r"(\d{1,9})(?:\s*[-\N{EN DASH}]\s*(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True)
class SuspectsChoice:
    """What becomes of the suspects: ``field`` of the recipe, and ``which`` of the list, as `ranks` reads it."""

    field: Literal["drop_suspects", "relabel"]
    which: str = ALL

    def corrections(self, project: Project) -> list[Correction]:
        """Return what becomes of the chosen rows of the newest list of ``project``.

        Raises:
            RunError: no wrong labels have been looked for, or none were found.
            OptionError: ``which`` cannot be read or names a number that the list has not.
        """
        newest = newest_job(project, "suspects")
        if newest is None or not newest.result.get("n_listed"):
            raise RunError(
                f"{project.name} has no list of wrong labels; look for them first, or keep all labels"
            )
        text = (newest.folder / SUSPECTS / TABLE).read_text(encoding="utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        chosen = (rows[rank - 1] for rank in ranks(self.which, len(rows)))
        is_left_out = self.field == "drop_suspects"
        return [
            Correction(row[PATH], row[LABEL], LEFT_OUT if is_left_out else row[SUGGESTED]) for row in chosen
        ]


def ranks(which: str, n_rows: int) -> list[int]:
    """Return the ranks that ``which`` names, from 1 to ``n_rows``, in order: ``all``, or numbers such as ``1-5, 8``.

    Raises OptionError for anything else.
    """
    if which.strip().casefold() in ("", ALL):
        return list(range(1, n_rows + 1))
    return sorted({rank for first, last in _ranges(which, n_rows) for rank in range(first, last + 1)})


def _ranges(which: str, n_rows: int) -> Iterator[tuple[int, int]]:
    for part in which.split(",", MOST_PARTS):
        found = _PART.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last <= n_rows:
            raise OptionError(
                f"'{part.strip()[:40]}' is no number from 1 to {n_rows:,} of the list of wrong labels; "
                "write all, or numbers such as 1-5, 8"
            )
        yield first, last
