"""The rows as Markdown: a table a contest, with ratios theirs : ours (above 1, ours is better)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from common import markdown_table

from speed.contests import CONTESTS, OURS, Contest

Row = dict[str, Any]

RACE = (
    "contestant",
    "best accuracy",
    "seconds to it",
    "ours to as much",
    "theirs : ours",
    "last accuracy",
    "whole run",
    "theirs : ours",
    "peak memory",
    "ours : theirs",
)
LAPS = (
    "contestant",
    "seconds an epoch",
    "theirs : ours",
    "with all before it",
    "theirs : ours",
    "peak memory",
    "ours : theirs",
)


def tables(rows: Sequence[Row]) -> str:
    """Return a table a contest that has rows, under a line that says what was trained on what."""
    made = [_table(contest, [row for row in rows if row["contest"] == contest.name]) for contest in CONTESTS]
    return "\n\n".join(table for table in made if table) or "no rows yet"


def _table(contest: Contest, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    ours = [row for row in rows if row["peer"] == OURS and "error" not in row]
    header, line = (RACE, _race) if contest.judges_accuracy else (LAPS, _lap)
    lines = [line(row, ours, len(header)) for row in _newest(rows)]
    return f"{_caption(contest, rows)}\n\n{markdown_table(header, lines)}"


def _caption(contest: Contest, rows: Sequence[Row]) -> str:
    machine = rows[-1]["machine"]
    epochs = "" if contest.judges_accuracy else f", {contest.epochs} epochs"
    return (
        f"`{contest.strategy}` on {contest.data}, {contest.backbone} ({contest.weights} weights), "
        f"{contest.image_size} px, batches of {contest.batch_size}{epochs} ({machine['processor']}, "
        f"{machine['cores']} cores, {machine.get('card') or 'no GPU'}; seed {contest.seed}):"
    )


def _newest(rows: Iterable[Row]) -> list[Row]:
    """Return one row a contestant: the run with the median time of those that succeeded, else the last error."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(name_of(row), []).append(row)
    return [_middle(runs) for _, runs in sorted(by_name.items(), key=lambda item: item[1][0]["peer"] != OURS)]


def _middle(runs: list[Row]) -> Row:
    sound = sorted((run for run in runs if "error" not in run), key=lambda run: run["seconds"])
    return sound[(len(sound) - 1) // 2] if sound else runs[-1]


def name_of(row: Row) -> str:
    """Return the contestant's name as the table shows it."""
    if row["peer"] == OURS:
        return "**ours**"
    version = row.get("versions", {}).get({"autogluon": "autogluon.multimodal"}.get(row["peer"], row["peer"]))
    named = f"{row['peer']} {version}" if version else row["peer"]
    return named + (", bf16 + channels-last" if row["fast"] else "")


def _race(row: Row, ours: Sequence[Row], width: int) -> list[str]:
    """Seconds to the peer's best accuracy, and ours to at least as much."""
    if "error" in row:
        return _failed(row, width)
    theirs = seconds_to(row, row["best"])
    reached = [seconds_to(run, row["best"]) for run in ours]
    if row["peer"] == OURS or not ours:
        against = ["", ""]
    elif None in reached:
        against = [f"not reached ({100 * max(run['best'] for run in ours):.1f} %)", ""]
    else:
        mine = statistics.median(reached)
        against = [f"{mine:.1f} s", f"{theirs / mine:.1f}"]
    return [
        name_of(row),
        f"{100 * row['best']:.1f} %",
        f"{theirs:.1f} s",
        *against,
        f"{100 * row['final']:.1f} %",
        f"{row['seconds']:.1f} s",
        "" if row["peer"] == OURS or not ours else f"{row['seconds'] / _median(ours, 'seconds'):.1f}",
        *_memory(row, ours),
    ]


def _median(rows: Sequence[Row], name: str) -> float:
    return statistics.median(row[name] for row in rows)


def _lap(row: Row, ours: Sequence[Row], width: int) -> list[str]:
    """Seconds an epoch, alone and with a share of all that came before."""
    if "error" in row:
        return _failed(row, width)
    cells = [name_of(row)]
    for name in ("epoch_s", "amortised_s"):
        ratio = f"{row[name] / _median(ours, name):.2f}" if ours else ""
        cells += [f"{row[name]:.2f} s", "" if row["peer"] == OURS else ratio]
    return [*cells, *_memory(row, ours)]


def _memory(row: Row, ours: Sequence[Row]) -> list[str]:
    ratio = f"{_median(ours, 'peak_mib') / row['peak_mib']:.2f}" if ours else ""
    return [f"{row['peak_mib']:,.0f} MiB", "" if row["peer"] == OURS else ratio]


def _failed(row: Row, width: int) -> list[str]:
    return [name_of(row), f"failed: {row['error'].replace('|', '/')}", *[""] * (width - 2)]


def seconds_to(row: Row, accuracy: float) -> float | None:
    """Return when the run first judged itself at least so good, None if it never did."""
    return next((t for t, reached in row["curve"] if reached >= accuracy - 1e-9), None)
