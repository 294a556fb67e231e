"""The learning curves of two runs on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from finetune.page.markup import join, short
from finetune.words import t

WIDTH, HEIGHT = 400, 226
LEFT, RIGHT, TOP, BOTTOM = 50, 388, 30, 160

Columns = Mapping[str, Sequence[float | None]]
Points = Sequence[tuple[float, float]]


def overlaid_html(columns: tuple[Columns, Columns], names: tuple[str, str]) -> Markup:
    """Return validation loss and accuracy of two runs over their epochs; nothing where one has no epochs."""
    if not all(each.get("epoch") for each in columns):
        return Markup()
    losses = [_points(each, "val_loss", 1) for each in columns]
    right = [_points(each, "val_accuracy", 100) for each in columns]
    return join(
        _chart(t("Validation loss (nats)"), losses, names),
        _chart(t("Validation images right (%)"), right, names),
    )


def _points(columns: Columns, name: str, scale: float) -> Points:
    pairs = zip(columns["epoch"], columns.get(name, ()), strict=False)
    return [(x, scale * y) for x, y in pairs if x is not None and y is not None]


def _chart(title: str, lines: Sequence[Points], names: tuple[str, str]) -> Markup:
    everything = [point for points in lines for point in points]
    if not all(lines):
        return Markup()
    last = max(x for x, _ in everything) or 1.0
    low, high = min(y for _, y in everything), max(y for _, y in everything)
    height = (high - low) or 1.0

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return LEFT + (RIGHT - LEFT) * point[0] / last, BOTTOM - (BOTTOM - TOP) * (point[1] - low) / height

    label = t("{} over epochs: {} ends at {:.3g}, {} at {:.3g}").format(
        title, names[0], lines[0][-1][1], names[1], lines[1][-1][1]
    )
    axes = Markup(
        '<text class="axis-title" x="{0}" y="16">{1}</text><path class="thin" fill="none" d="M{0} {2}V{3}H{4}"/>'
        '<text class="axis" x="{0}" y="{5}" text-anchor="middle">0</text>'
        '<text class="axis" x="{4}" y="{5}" text-anchor="end">{6} {7:g}</text>'
        '<text class="axis" x="{8}" y="{9}" text-anchor="end">{10:.3g}</text>'
        '<text class="axis" x="{8}" y="{11}" text-anchor="end">{12:.3g}</text>'
    ).format(
        LEFT, title, TOP, BOTTOM, RIGHT, BOTTOM + 18, t("epoch"), last, LEFT - 6, BOTTOM, low, TOP + 8, high
    )
    drawn = [
        _line(rank, name, [at(point) for point in points])
        for rank, (name, points) in enumerate(zip(names, lines, strict=True))
    ]
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
        WIDTH, HEIGHT, label, axes, join(*drawn)
    )


def _line(rank: int, name: str, places: Points) -> Markup:
    kind, sign = ("second", "●╌") if rank else ("first", "●—")
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Markup(
        '<polyline class="{0}" points="{1}"/><text class="key {0}" x="{2}" y="{3}">{4} {5}</text>'
    ).format(kind, path, LEFT, BOTTOM + 40 + 20 * rank, sign, short(name, 40))
