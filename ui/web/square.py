"""The size x similarity square as a drawing, with the user's own data set in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from finetune.advice.references import REFERENCES
from finetune.advice.rules import LARGE_FROM_IMAGES, SIMILAR_FROM_GAIN, USELESS_BELOW_GAIN
from ui.web.words import join

WIDTH, HEIGHT = 440, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 430, 12, 278
FEWEST, MOST = 20, 200_000
HIGHEST_GAIN, LOWEST_GAIN = 1.0, 0.0


def square_svg(advice: Mapping[str, Any]) -> Markup:
    """Return the square as inline SVG; ``advice`` as `Advice.to_json` gives it."""
    n_images, gain = advice["size"]["n"], advice["similarity"]["value"]
    cell, rule = advice["cell"], advice.get("rule_strategy", advice["strategy"])
    label = (
        f"Size by similarity: {n_images} training images, transfer gain {gain:.2f}, in the cell {cell['size']} and "
        f"{cell['similarity']}, which calls for {rule}; advised: {advice['strategy']}"
    )
    return Markup('<svg class="square" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, join(*_cells(cell), _useless(), _axes(), *_references(), _point(n_images, gain))
    )


def _x(gain: float) -> float:
    """Similar lies on the left, as in the table that the square comes from."""
    clipped = min(HIGHEST_GAIN, max(LOWEST_GAIN, gain))
    return LEFT + (RIGHT - LEFT) * (HIGHEST_GAIN - clipped) / (HIGHEST_GAIN - LOWEST_GAIN)


def _y(n_images: float) -> float:
    clipped = min(MOST, max(FEWEST, n_images))
    share = (math.log(clipped) - math.log(FEWEST)) / (math.log(MOST) - math.log(FEWEST))
    return BOTTOM - (BOTTOM - TOP) * share


def _cells(here: Mapping[str, str]) -> list[Markup]:
    middle_x, middle_y = _x(SIMILAR_FROM_GAIN), _y(LARGE_FROM_IMAGES)
    rows = {"large": (TOP, middle_y), "small": (middle_y, BOTTOM)}
    columns = {"similar": (LEFT, middle_x), "different": (middle_x, RIGHT)}
    names = {
        ("large", "similar"): "full-finetune",
        ("large", "different"): "full-finetune",
        ("small", "similar"): "freeze-all",
        ("small", "different"): "partial",
    }
    return [
        _cell(columns[column], rows[row], name, chosen=(row, column) == (here["size"], here["similarity"]))
        for (row, column), name in names.items()
    ]


def _cell(x: tuple[float, float], y: tuple[float, float], name: str, *, chosen: bool) -> Markup:
    kind = "cell here" if chosen else "cell"
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
        '<text class="cell-name" x="{:.1f}" y="{:.1f}">{}</text>'
    ).format(kind, x[0], y[0], x[1] - x[0], y[1] - y[0], x[0] + 8, y[0] + 20, name)


def _useless() -> Markup:
    """Within the large and different cell, features that measure as useless call for from-scratch."""
    x = _x(USELESS_BELOW_GAIN)
    return Markup(
        '<line class="thin" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2:.1f}"/>'
        '<text class="axis" x="{3:.1f}" y="{4}" text-anchor="end">from-scratch →</text>'
    ).format(x, TOP, _y(LARGE_FROM_IMAGES), x - 4, TOP + 40)


def _axes() -> Markup:
    sizes = [
        Markup('<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{:,}</text>').format(
            LEFT - 6, _y(n) + 4, n
        )
        for n in (100, 1_000, LARGE_FROM_IMAGES, 50_000)
    ]
    gains = [
        Markup('<text class="axis" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            _x(gain), BOTTOM + 18, text
        )
        for gain, text in ((0.97, "1"), (SIMILAR_FROM_GAIN, "0.5"), (0.03, "0"))
    ]
    middle = (LEFT + RIGHT) / 2
    titles = Markup(
        '<text class="axis-title" x="{0}" y="{1}" text-anchor="middle">similar to ImageNet ← transfer gain → '
        'different</text><text class="axis-title" transform="translate(14 {2}) rotate(-90)" text-anchor="middle">'
        "training images</text>"
    ).format(middle, BOTTOM + 42, (TOP + BOTTOM) / 2)
    return join(*sizes, *gains, titles)


def _references() -> list[Markup]:
    """Return other data sets, small and pale; their names come up over them and are read out."""
    return [
        Markup(
            '<rect class="reference" x="{:.1f}" y="{:.1f}" width="7" height="7"><title>{}: {:,} images, gain {:.2f}'
            "</title></rect>"
        ).format(_x(one.gain) - 3.5, _y(one.n_train) - 3.5, one.name, one.n_train, one.gain)
        for one in REFERENCES
    ]


def _point(n_images: int, gain: float) -> Markup:
    x, y = _x(gain), _y(n_images)
    on_left = x < (LEFT + RIGHT) / 2
    anchor, shift = ("start", 11) if on_left else ("end", -11)
    return Markup(
        '<circle class="point" cx="{0:.1f}" cy="{1:.1f}" r="7"/>'
        '<text class="point-name" x="{2:.1f}" y="{3:.1f}" text-anchor="{4}">your images: {5:,}, gain {6:.2f}</text>'
    ).format(x, y, x + shift, y + 5, anchor, n_images, gain)
