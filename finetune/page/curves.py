"""Learning curves as drawings that grow while a run trains."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from finetune.page.markup import join
from finetune.words import noted, t

WIDTH, HEIGHT = 400, 210
LEFT, RIGHT, TOP, BOTTOM = 50, 388, 30, 166

TRAINING, VALIDATION, CROSS, PLANNED = NAMES = (
    noted("training"),
    noted("validation"),
    noted("cross-validated"),
    noted("planned"),
)
Points = Sequence[tuple[float, float]]


def read_columns(path: Path) -> dict[str, list[float | None]]:
    """Return the columns of a run's ``metrics.csv``; a value that is missing or half written is None."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, csv.Error):
        return {}
    names = rows[0] if rows else {}
    return {name: [_number(row.get(name)) for row in rows] for name in names}


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    # A loss that broke is told by the run; it has no place in a drawing.
    return number if math.isfinite(number) else None


def curves_html(columns: Mapping[str, Sequence[float | None]]) -> Markup:
    """Return the charts for a run's columns: loss, accuracy and rate over epochs, or the path of a solved head."""
    if "inverse_strength" in columns:
        points = _points(columns["inverse_strength"], columns["cv_log_loss"], with_rank=True)
        title, x_title = t("Loss of the head (nats)"), t("strengths of regularisation tried")
        return chart(title, {CROSS: points}, x_title)
    epochs = columns.get("epoch")
    if not epochs:
        return Markup("")
    losses = {
        TRAINING: _points(epochs, columns["train_loss"]),
        VALIDATION: _points(epochs, columns["val_loss"]),
    }
    right = {VALIDATION: _points(epochs, _percent(columns["val_accuracy"]))}
    rates = _points(epochs, columns.get("lr", ()))[1:]  # before training there is none
    return join(
        chart(t("Loss (nats)"), losses, t("epoch")),
        chart(t("Images right (%)"), right, t("epoch")),
        chart(t("Learning rate"), {TRAINING: rates}, t("epoch"), least=0.0) if len(rates) > 1 else "",
    )


def _percent(shares: Sequence[float | None]) -> list[float | None]:
    return [None if share is None else 100 * share for share in shares]


def _points(x: Sequence[float | None], y: Sequence[float | None], *, with_rank: bool = False) -> Points:
    pairs = [(rank + 1 if with_rank else a, b) for rank, (a, b) in enumerate(zip(x, y, strict=False))]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def chart(
    title: str, lines: Mapping[str, Points], x_title: str, *, dots: bool = True, least: float | None = None
) -> Markup:
    """Return ``lines`` by their names, which are of `NAMES`, as one drawing; nothing where there are no points.

    ``dots`` marks each point: leave them out where there are many. The drawing goes down to ``least``, where given.
    """
    everything = [point for points in lines.values() for point in points]
    if not everything:
        return Markup("")
    last = max(x for x, _ in everything)
    first = min(x for x, _ in everything)
    low, high = _range([y for _, y in everything] + ([] if least is None else [least]))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across = (point[0] - first) / ((last - first) or 1)
        up = (point[1] - low) / (high - low)
        return LEFT + (RIGHT - LEFT) * across, BOTTOM - (BOTTOM - TOP) * up

    drawn = [
        _line(rank, name, [place(p) for p in points], dots=dots)
        for rank, (name, points) in enumerate(lines.items())
    ]
    ends = t(", ").join(
        t("{} now {:.3g}").format(t(name), points[-1][1]) for name, points in lines.items() if points
    )
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>').format(
        WIDTH,
        HEIGHT,
        t("{} over {}: {}").format(title, x_title, ends),
        _frame(title, x_title),
        _ticks(first, last, low, high),
        join(*drawn),
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _frame(title: str, x_title: str) -> Markup:
    return Markup(
        '<text class="axis-title" x="{0}" y="16">{2}</text>'
        '<line class="thin" x1="{0}" x2="{0}" y1="{3}" y2="{4}"/>'
        '<line class="thin" x1="{0}" x2="{1}" y1="{4}" y2="{4}"/>'
        '<text class="axis" x="{1}" y="{5}" text-anchor="end">{6}</text>'
    ).format(LEFT, RIGHT, title, TOP, BOTTOM, BOTTOM + 36, x_title)


def _ticks(first: float, last: float, low: float, high: float) -> Markup:
    across = {first: LEFT, last: RIGHT}
    up = {
        low + 0.05 * (high - low): BOTTOM - 0.05 * (BOTTOM - TOP),
        high - 0.05 * (high - low): TOP + 0.05 * (BOTTOM - TOP),
    }
    marks = [
        Markup('<text class="axis" x="{:.1f}" y="{}" text-anchor="middle">{:g}</text>').format(
            x, BOTTOM + 18, value
        )
        for value, x in across.items()
    ]
    marks += [
        Markup('<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
            LEFT - 6, y + 4, _short(value)
        )
        for value, y in up.items()
    ]
    return join(*marks)


def _short(value: float) -> str:
    """Return a number in at most seven letters, which is what stands beside the axis."""
    text = f"{value:.3g}" if value == 0 or abs(value) >= 0.01 else f"{value:.2g}"
    return text.replace("e-0", "e-")


def _line(rank: int, name: str, places: Sequence[tuple[float, float]], *, dots: bool) -> Markup:
    kind = "second" if name == VALIDATION else "first"
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = [
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(kind, x, y)
        for x, y in (places if dots else ())
    ]
    key = Markup('<text class="key {}" x="{}" y="{}">{} {}</text>').format(
        kind, LEFT + rank * 130, HEIGHT - 6, "●╌" if kind == "second" else "●—" if dots else "—", t(name)
    )
    return Markup('<polyline class="{}" points="{}"/>{}{}').format(kind, path, join(*marks), key)
