"""How many more images would help: the probe's learning curve with what it promises beyond the images at hand."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.words import t
from ui.web.words import join

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 424, 34, 196
DRAWN = 24
"""Points of the fitted curve on each side of the images at hand."""


def more_images_html(advice: Mapping[str, Any]) -> Markup:
    """Return the curve and what it says; nothing where none could be measured."""
    rows = advice.get("growth", [])
    curve = advice.get("measures", {}).get("curve")
    if not rows or curve is None:
        return Markup("")
    return Markup('<h2 class="small-head">{}</h2><p>{}</p>{}<p class="quiet">{}</p>').format(
        t("How many more images?"),
        _sentence(rows),
        _svg(rows, curve),
        t(
            "Measured with a linear probe on frozen features, trained on an eighth, a quarter and a half of the "
            "images; a network that is trained further may gain more."
        ),
    )


def _sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    now, *more = rows
    told = [
        t("{:,} images: {:+.1f} points (80 % interval {:.1f} to {:.1f})").format(
            row["n"],
            100 * (row["accuracy"] - now["accuracy"]),
            *(100 * (end - now["accuracy"]) for end in row["interval"]),
        )
        for row in more
    ]
    return t("From {:,} training images to {}.").format(now["n"], t("; to ").join(told))


def _svg(rows: Sequence[Mapping[str, Any]], curve: Mapping[str, Any]) -> Markup:
    measured = _measured(curve)
    now, last = rows[0], rows[-1]
    sizes = (min(measured)[0], last["n"])
    shares = [y for _, y in measured] + [end for row in rows for end in row["interval"]]
    place = _Places(sizes, (min(shares), max(shares)))
    fitted = _fitted(curve, sizes[0], now["n"])
    beyond = _fitted(curve, now["n"], last["n"])
    label = f"{t('Accuracy of a linear probe by the number of training images')}: {_sentence(rows)}"
    return Markup('<svg class="chart growth" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH,
        HEIGHT,
        label,
        join(
            _frame(place, [*(n for n, _ in measured[:1]), *(row["n"] for row in rows)]),
            _band(place, rows),
            _line(place, fitted, "first"),
            _line(place, beyond, "second"),
            *(_dot(place, point) for point in measured),
            _now(place, now),
            _keys(),
        ),
    )


class _Places:
    """Where a number of images, on a logarithmic axis, and an accuracy lie in the drawing."""

    def __init__(self, sizes: tuple[int, int], shares: tuple[float, float]) -> None:
        low, high = shares
        margin = 0.08 * (high - low) or 0.01
        self.low, self.high = max(0.0, low - margin), min(1.0, high + margin)
        self._first, self._wide = math.log(sizes[0]), math.log(sizes[1] / sizes[0]) or 1.0

    def __call__(self, n: float, share: float) -> tuple[float, float]:
        across = (math.log(n) - self._first) / self._wide
        up = (share - self.low) / (self.high - self.low)
        return LEFT + (RIGHT - LEFT) * across, BOTTOM - (BOTTOM - TOP) * up


def _measured(curve: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Return the mean accuracy at each size that was measured, the smallest first."""
    found: dict[int, list[float]] = defaultdict(list)
    for size, error in zip(curve["sizes"], curve["errors"], strict=True):
        found[size].append(1 - error)
    return [(size, sum(shares) / len(shares)) for size, shares in sorted(found.items())]


def _fitted(curve: Mapping[str, Any], first: int, last: int) -> list[tuple[float, float]]:
    sizes = [first * (last / first) ** (step / DRAWN) for step in range(DRAWN + 1)]
    return [(n, max(0.0, 1 - curve["floor"] - curve["slope"] / math.sqrt(n))) for n in sizes]


def _frame(place: _Places, sizes: Sequence[int]) -> Markup:
    marks = [
        Markup('<text class="axis" x="{:.1f}" y="{}" text-anchor="middle">{:,}</text>').format(
            place(n, place.low)[0], BOTTOM + 17, n
        )
        for n in sizes
    ]
    marks += [
        Markup('<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{:.0f} %</text>').format(
            LEFT - 6, place(sizes[0], share)[1] + 4, 100 * share
        )
        for share in _ticks(place.low, place.high)
    ]
    return Markup(
        '<text class="axis-title" x="{0}" y="14">{5}</text>'
        '<line class="thin" x1="{0}" x2="{0}" y1="{2}" y2="{3}"/>'
        '<line class="thin" x1="{0}" x2="{1}" y1="{3}" y2="{3}"/>'
        '<text class="axis" x="{1}" y="{4}" text-anchor="end">{6}</text>{7}'
    ).format(
        LEFT, RIGHT, TOP, BOTTOM, BOTTOM + 32, t("Images right (%)"), t("training images"), join(*marks)
    )  # fmt: skip


def _ticks(low: float, high: float) -> list[float]:
    """Return two to six round shares between the ends."""
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if (high - low) / step <= 5)
    first = math.ceil(low / step - 1e-9)
    return [step * rank for rank in range(first, math.floor(high / step + 1e-9) + 1)]


def _band(place: _Places, rows: Sequence[Mapping[str, Any]]) -> Markup:
    there = [place(row["n"], row["interval"][1]) for row in rows]
    back = [place(row["n"], row["interval"][0]) for row in reversed(rows)]
    return Markup('<polygon class="band" points="{}"/>').format(_points([*there, *back]))


def _line(place: _Places, points: Sequence[tuple[float, float]], kind: str) -> Markup:
    path = _points([place(n, share) for n, share in points])
    return Markup('<polyline class="{}" points="{}"/>').format(kind, path)


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _dot(place: _Places, point: tuple[int, float]) -> Markup:
    x, y = place(*point)
    return Markup('<circle class="first" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(x, y)


def _now(place: _Places, row: Mapping[str, Any]) -> Markup:
    x, y = place(row["n"], row["accuracy"])
    return Markup(
        '<line class="thin" stroke-dasharray="2 3" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>'
        '<rect class="now" x="{3:.1f}" y="{4:.1f}" width="8" height="8"/>'
        '<text class="axis" x="{5:.1f}" y="{6}" text-anchor="end">{7}</text>'
    ).format(x, TOP, BOTTOM, x - 4, y - 4, x - 6, TOP + 8, t("your images"))


def _keys() -> Markup:
    told = (
        ("first", f"●— {t('measured')}"),
        ("second", f"╌╌ {t('forecast, shaded: 80 % interval')}"),
    )
    return join(
        *(
            Markup('<text class="key {}" x="{}" y="{}">{}</text>').format(
                kind, LEFT + rank * 120, HEIGHT - 6, text
            )
            for rank, (kind, text) in enumerate(told)
        )
    )
