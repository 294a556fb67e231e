"""The most suspicious labels as a table for the terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from ui.present import table

if TYPE_CHECKING:
    from finetune.training.suspects import Suspect, Suspects

MOST_LINES = 20


def suspects_view(found: Suspects, rows: Sequence[Suspect], out: Path, command: str) -> RenderableType:
    """Show how many labels are suspicious, the first of them, and the ``command`` that acts on them."""
    n_judged = len(found.ranked)
    head = (
        f"{len(found.issues):,} of {n_judged:,} labels are probably wrong; {found.backbone} agrees with "
        f"{100 * found.accuracy:.1f} % of the labels of images it was not trained on"
    )
    lines: list[RenderableType] = [Text(head, style="bold")]
    if found.unjudged:
        lines.append(Text(f"not judged, as their class has no others: {len(found.unjudged):,}"))
    made = table("", "image", "label", "suggested", "score", right=("", "score"))
    for rank, row in enumerate(rows[:MOST_LINES], start=1):
        made.add_row(
            str(rank), escape(row.name), escape(row.label), escape(row.suggested), f"{row.score:.4f}"
        )
    if len(rows) > MOST_LINES:
        made.add_row("", f"… and {len(rows) - MOST_LINES:,} more", "", "", "")
    after = (
        f"{out}: suspects.csv ({len(rows):,} rows), suspects.json, suspects.png\n"
        f"look at the sheet, delete the rows that are right, then: {command}\n"
        "(or --relabel instead, which gives them the suggested class)"
    )
    return Group(*lines, *([made] if rows else []), Text(after))
