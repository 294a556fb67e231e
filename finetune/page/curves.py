"""Learning curves as drawings that grow while a run trains."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from finetune.page.markup import join

WIDTH, HEIGHT = 400, 210
LEFT, RIGHT, TOP, BOTTOM = 50, 388, 30, 166

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
    """Return the charts for a run's columns: loss and accuracy over epochs, or the path of a solved head."""
    if "inverse_strength" in columns:
        points = _points(columns["inverse_strength"], columns["cv_log_loss"], with_rank=True)
        charts = [
            _chart(
                "Loss of the head (nats)", {"cross-validated": points}, "strengths of regularisation tried"
            )
        ]
    elif columns.get("epoch"):
        epochs = columns["epoch"]
        losses = {
            "training": _points(epochs, columns["train_loss"]),
            "validation": _points(epochs, columns["val_loss"]),
        }
        right = [None if share is None else 100 * share for share in columns["val_accuracy"]]
        charts = [
            _chart("Loss (nats)", losses, "epoch"),
            _chart("Images right (%)", {"validation": _points(epochs, right)}, "epoch"),
        ]
    else:
        return Markup("")
    return join(*charts)


def _points(x: Sequence[float | None], y: Sequence[float | None], *, with_rank: bool = False) -> Points:
    pairs = [(rank + 1 if with_rank else a, b) for rank, (a, b) in enumerate(zip(x, y, strict=False))]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _chart(title: str, lines: Mapping[str, Points], x_title: str) -> Markup:
    everything = [point for points in lines.values() for point in points]
    if not everything:
        return Markup("")
    last = max(x for x, _ in everything)
    first = min(x for x, _ in everything)
    low, high = _range([y for _, y in everything])

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across = (point[0] - first) / ((last - first) or 1)
        up = (point[1] - low) / (high - low)
        return LEFT + (RIGHT - LEFT) * across, BOTTOM - (BOTTOM - TOP) * up

    drawn = [
        _line(rank, name, [place(p) for p in points]) for rank, (name, points) in enumerate(lines.items())
    ]
    ends = ", ".join(f"{name} now {points[-1][1]:.3g}" for name, points in lines.items() if points)
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>').format(
        WIDTH,
        HEIGHT,
        f"{title} over {x_title}: {ends}",
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
        Markup('<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{:.3g}</text>').format(
            LEFT - 6, y + 4, value
        )
        for value, y in up.items()
    ]
    return join(*marks)


def _line(rank: int, name: str, places: Sequence[tuple[float, float]]) -> Markup:
    kind = "second" if name == "validation" else "first"
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(kind, x, y) for x, y in places
    ]
    key = Markup('<text class="key {}" x="{}" y="{}">{} {}</text>').format(
        kind, LEFT + rank * 130, HEIGHT - 6, "●╌" if kind == "second" else "●—", name
    )
    return Markup('<polyline class="{}" points="{}"/>{}{}').format(kind, path, join(*dots), key)
