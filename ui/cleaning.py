"""What a cleaning came to, or would come to, for the terminal. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from ui.present import table

if TYPE_CHECKING:
    from finetune.data.cleaning.plan import Action
    from finetune.data.cleaning.write import Cleaned

WORDS: Mapping[str, str] = {
    "copy": "kept unchanged",
    "rename": "given the ending of what they are",
    "rewrite": "written anew as PNG, the same pixels",
    "quarantine": "{aside}: unreadable, or in two classes at once",
    "drop": "left out: duplicates of others that stay",
    "skip": "passed over: no images of the set",
}
TOLD = ("quarantine", "drop", "rewrite", "rename", "skip")
"""The kinds of which files are shown, those first that leave the set."""
MOST_OF_A_KIND = 5


def cleaned_json(cleaned: Cleaned, *, planned: Sequence[Action] | None = None) -> dict[str, Any]:
    """Return the counts and where what lies, under stable keys; of a dry run every action ``planned`` too."""
    values = {
        "data": None if cleaned.data is None else str(cleaned.data),
        "log": None if cleaned.log is None else str(cleaned.log),
        "kept": cleaned.n_kept,
        "actions": {kind: cleaned.counts.get(kind, 0) for kind in WORDS},
        "dry_run": planned is not None,
    }
    return values if planned is None else {**values, "files": [action.row() for action in planned]}


def cleaned_view(cleaned: Cleaned, actions: Sequence[Action]) -> RenderableType:
    """Show how many files fared how, the first of those that were not just kept, and the next command."""
    after = f"log: {cleaned.log}\nnext: finetune fit {shlex.quote(str(cleaned.data))}"
    return _view(f"{_images(cleaned)} in {cleaned.data}", cleaned, actions, after)


def foreseen_view(cleaned: Cleaned, actions: Sequence[Action]) -> RenderableType:
    """Show the same of a dry run, and how to do what it shows."""
    place = "would stay" if cleaned.data is None else f"would be in {cleaned.data}"
    do_it = "give --out DIR or --manifest FILE instead of" if cleaned.data is None else "leave out"
    after = f"dry run: nothing was written; to do it, {do_it} --dry-run"
    return _view(f"{_images(cleaned)} {place}", cleaned, actions, after)


def _images(cleaned: Cleaned) -> str:
    return f"{cleaned.n_kept:,} image{'' if cleaned.n_kept == 1 else 's'}"


def _view(head: str, cleaned: Cleaned, actions: Sequence[Action], after: str) -> RenderableType:
    aside = "put aside" if cleaned.data is None else "left out"  # a manifest has no other place
    if cleaned.quarantine is not None:
        aside = f"put aside in {cleaned.quarantine}"
    counts = {kind: f"{cleaned.counts[kind]:,}" for kind in WORDS if cleaned.counts.get(kind)}
    width, wide = max(map(len, counts.values()), default=0), max(map(len, counts), default=0)
    lines: list[RenderableType] = [Text(head, style="bold")]
    lines += [
        Text(f"  {count:>{width}} {kind:<{wide}}  {WORDS[kind].format(aside=aside)}")
        for kind, count in counts.items()
    ]
    rows = list(_rows(actions))
    if rows:
        made = table("action", "file", "why")
        for row in rows:
            made.add_row(*map(escape, row))
        lines += ["", made, ""]
    return Group(*lines, Text(after))


def _rows(actions: Sequence[Action]) -> Iterator[tuple[str, str, str]]:
    """Yield action, file and reason of the first few of each kind, and how many more there are."""
    for kind in TOLD:
        alike = [action for action in actions if action.kind == kind]
        for action in alike[:MOST_OF_A_KIND]:
            moved = kind in ("rename", "rewrite") and action.written != action.name
            yield kind, f"{action.name} → {action.written}" if moved else action.name, action.reason
        if len(alike) > MOST_OF_A_KIND:
            yield "", f"… and {len(alike) - MOST_OF_A_KIND:,} more", ""
