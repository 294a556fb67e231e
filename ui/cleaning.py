"""What a cleaning came to, for the terminal. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from ui.present import table

if TYPE_CHECKING:
    from finetune.data.cleaning.plan import Action
    from finetune.data.cleaning.write import Cleaned

WORDS: Mapping[str, str] = {
    "copy": "kept as they are",
    "rename": "given the right ending",
    "rewrite": "written anew as PNG, the same pixels",
    "quarantine": "put aside",
    "drop": "left out as duplicates",
    "skip": "passed over: no images of the set",
}
MOST_LINES = 20


def cleaned_json(cleaned: Cleaned) -> dict[str, Any]:
    """Return the counts and where what lies, under stable keys."""
    counts = {kind: cleaned.counts.get(kind, 0) for kind in WORDS}
    return {"data": str(cleaned.data), "log": str(cleaned.log), "kept": cleaned.n_kept, "actions": counts}


def cleaned_view(cleaned: Cleaned, actions: Sequence[Action]) -> RenderableType:
    """Show how many files fared how, the first of those that were not just kept, and the next command."""
    lines: list[RenderableType] = [Text(f"{cleaned.n_kept:,} images in {cleaned.data}", style="bold")]
    lines += [
        Text(f"  {cleaned.counts[kind]:,} {words}")
        for kind, words in WORDS.items()
        if cleaned.counts.get(kind)
    ]
    told = [action for action in actions if action.kind != "copy"]
    if told:
        made = table("action", "file", "why")
        for action in told[:MOST_LINES]:
            made.add_row(action.kind, escape(action.name), escape(action.reason))
        if len(told) > MOST_LINES:
            made.add_row("", f"… and {len(told) - MOST_LINES:,} more", "")
        lines += ["", made]
    after = f"log: {cleaned.log}\nnext: finetune fit {shlex.quote(str(cleaned.data))}"
    return Group(*lines, Text(after))
