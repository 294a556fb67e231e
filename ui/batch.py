"""The table of a batch for the terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from finetune.batch.table import COLUMNS, RIGHT, cells_of, square_of
from ui.present import table

if TYPE_CHECKING:
    from finetune.batch.ledger import Row

STATE_MARKS = {"failed": "red", "interrupted": "yellow", "pending": "yellow"}


def batch_view(rows: Sequence[Row], cells: Mapping[str, tuple[str, str]], folder: Path) -> RenderableType:
    """Show a row for each job, the accuracies by data set and recipe where such were combined, and the files."""
    made = table(*COLUMNS, right=RIGHT)
    for row in rows:
        style = STATE_MARKS.get(row.state)
        made.add_row(*map(escape, cells_of(row)), style=style)
    parts: list[RenderableType] = [made]
    if square := square_of(rows, cells):
        heads, lines = square
        combined = table(*map(escape, heads), right=[escape(head) for head in heads[1:]])
        for line in lines:
            combined.add_row(*map(escape, line))
        parts += [Text(), combined]
    files = ", ".join(str(folder / f"results.{ending}") for ending in ("md", "csv", "jsonl"))
    return Group(*parts, Text(), Text(f"table: {files}   runs: {folder / 'runs'}"))
