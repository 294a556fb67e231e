"""The table of a batch, as CSV and as Markdown. Pure but for the writing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from finetune.batch.ledger import Row

CSV_COLUMNS = (
    "name",
    "data",
    "strategy",
    "backbone",
    "state",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "accuracy_split",
    "macro_f1",
    "n_train",
    "seconds",
    "run",
    "error",
)
COLUMNS = ("job", "state", "accuracy (95 % interval)", "macro F1", "of", "seconds", "strategy", "error")
RIGHT = ("macro F1", "seconds")
Cells = Mapping[str, tuple[str, str]]
"""The data set and the recipe that a job, by name, stands for."""


def cells_of(row: Row) -> tuple[str, ...]:
    """Return a row in words, one for each of `COLUMNS`."""
    images = {"test": row.n_test, "val": row.n_val}.get(row.accuracy_split)
    return (
        row.name,
        row.state,
        accuracy_text(row),
        "" if row.macro_f1 is None else f"{row.macro_f1:.3f}",
        f"{images} {row.accuracy_split}" if images is not None else "",
        f"{row.seconds:.0f}" if row.seconds else "",
        row.strategy,
        row.error,
    )


def accuracy_text(row: Row) -> str:
    """Return the accuracy in percent with its interval, empty while there is none."""
    if row.accuracy is None or row.accuracy_interval is None:
        return ""
    low, high = row.accuracy_interval
    return f"{100 * row.accuracy:.1f} % ({100 * low:.1f} – {100 * high:.1f})"


def square_of(rows: Sequence[Row], cells: Cells) -> tuple[list[str], list[list[str]]] | None:
    """Return the heads and lines of a table data set × recipe of accuracies; None when nothing was combined."""
    found = {cells[row.name]: row for row in rows if row.name in cells}
    if not found:
        return None
    sets, recipes = (list(dict.fromkeys(cell[side] for cell in found)) for side in (0, 1))
    lines = [[data, *(_short(found.get((data, recipe))) for recipe in recipes)] for data in sets]
    return ["data", *recipes], lines


def _short(row: Row | None) -> str:
    if row is None:
        return ""
    return row.state if row.accuracy is None else f"{100 * row.accuracy:.1f} %, {row.seconds:.0f} s"


def to_csv(rows: Iterable[Row]) -> str:
    """Return the rows as CSV (RFC 4180); numbers are unrounded, accuracies in [0, 1]."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV_COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        low, high = row.accuracy_interval or (None, None)
        writer.writerow({**row.to_json(), "accuracy_low": low, "accuracy_high": high})
    return stream.getvalue()


def to_markdown(rows: Sequence[Row], cells: Cells) -> str:
    """Return the rows as Markdown, after a table of data sets × recipes where such were combined."""
    tables = [_markdown(COLUMNS, map(cells_of, rows), RIGHT)]
    if square := square_of(rows, cells):
        tables.insert(0, _markdown(square[0], square[1], square[0][1:]))
    return "\n\n".join(tables) + "\n"


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[str]) -> str:
    lines = [_line(header), "|" + "".join(" ---: |" if name in set(right) else " --- |" for name in header)]
    return "\n".join([*lines, *map(_line, rows)])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(map(_escaped, cells)) + " |"


def _escaped(text: str) -> str:
    """Keep a cell one cell and its text text: Markdown reads HTML, backslashes and bars."""
    for character in "\\|`*":
        text = text.replace(character, "\\" + character)
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").split())


def write_tables(rows: Sequence[Row], cells: Cells, *, to: Path, markdown: Path) -> None:
    """Replace both files whole."""
    for path, text in ((to, to_csv(rows)), (markdown, to_markdown(rows, cells))):
        unfinished = path.with_name(path.name + ".tmp")
        unfinished.write_text(text, encoding="utf-8", errors="replace", newline="")
        unfinished.replace(path)
