"""The size x similarity square as a drawing, with the user's own data set in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from finetune.advice.references import REFERENCES, Reference
from finetune.advice.rules import LARGE_FROM_IMAGES, SIMILAR_FROM_GAIN, USELESS_BELOW_GAIN
from finetune.words import language, noted, t
from ui.web.labels import Box, place_label, text_width
from ui.web.words import join

WIDTH, HEIGHT = 440, 340
LEFT, RIGHT, TOP, BOTTOM = 62, 430, 12, 278
FEWEST, MOST = 20, 200_000
HIGHEST_GAIN, LOWEST_GAIN = 1.0, 0.0
FRAME = Box(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP)
NAME_PX, POINT_PX = 11, 14
"""Letters' height of the names of other data and of the user's own, as in the style sheet."""

SIDES = (noted("small"), noted("large"), noted("similar"), noted("different"))
"""The names of the square's rows and columns."""


def square_svg(advice: Mapping[str, Any]) -> Markup:
    """Return the square as inline SVG; ``advice`` as `Advice.to_json` gives it."""
    n_images, gain = advice["size"]["n"], advice["similarity"]["value"]
    cell, rule = advice["cell"], advice.get("rule_strategy", advice["strategy"])
    label = t(
        "Size by similarity: {} training images, transfer gain {:.2f}, in the cell {} and {}, which calls for {}; "
        "advised: {}"
    ).format(n_images, gain, t(cell["size"]), t(cell["similarity"]), rule, advice["strategy"])
    return Markup('<svg class="square" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, join(*_cells(cell), _useless(), _axes(), *_marks(n_images, gain))
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
        '<text class="axis" x="{3:.1f}" y="{4}" text-anchor="end">from-'
        '<tspan x="{3:.1f}" dy="13">scratch</tspan></text>'
    ).format(x, TOP, _y(LARGE_FROM_IMAGES), RIGHT - 4, TOP + 40)


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
        '<text class="axis-title" x="{0}" y="{1}" text-anchor="middle">{3}</text>'
        '<text class="axis-title" transform="translate(14 {2}) rotate(-90)" text-anchor="middle">{4}</text>'
    ).format(
        middle,
        BOTTOM + 42,
        (TOP + BOTTOM) / 2,
        t("similar to ImageNet ← transfer gain → different"),
        t("training images"),
    )
    return join(*sizes, *gains, titles)


def _marks(n_images: int, gain: float) -> list[Markup]:
    """Return other data sets, small and pale, each with its name, and the user's own images over them."""
    own, box = _point(n_images, gain)
    places = [(_x(one.gain), _y(one.n_train)) for one in REFERENCES]
    taken = [box, _around(_x(gain), _y(n_images), 8), *(_around(x, y, 4.5) for x, y in places)]
    taken += _written()
    drawn = []
    # The longest has the fewest places to stand.
    for one in sorted(REFERENCES, key=lambda one: -len(_name(one))):
        x, y, name = _x(one.gain), _y(one.n_train), _name(one)
        found = place_label((x, y), name, size_px=NAME_PX, within=FRAME, taken=taken)
        if found is not None:
            taken.append(found)
        drawn.append(_reference(one, name, x, y, found))
    return [*drawn, own]


def _name(one: Reference) -> str:
    return one.name_zh if language() == "zh" else one.name


def _reference(one: Reference, name: str, x: float, y: float, box: Box | None) -> Markup:
    told = t("{}: {:,} images, gain {:.2f}").format(name, one.n_train, one.gain)
    text = Markup("")
    if box is not None:
        text = Markup('<text class="reference-name" x="{:.1f}" y="{:.1f}">{}</text>').format(
            box.x, box.y + NAME_PX, name
        )
    return Markup(
        '<rect class="reference" x="{:.1f}" y="{:.1f}" width="7" height="7"><title>{}</title></rect>{}'
    ).format(x - 3.5, y - 3.5, told, text)


def _around(x: float, y: float, reach: float) -> Box:
    return Box(x - reach, y - reach, 2 * reach, 2 * reach)


def _written() -> list[Box]:
    """Return where the names of the cells stand."""
    middle_x, middle_y = _x(SIMILAR_FROM_GAIN), _y(LARGE_FROM_IMAGES)
    corners = [(x, y) for x in (LEFT, middle_x) for y in (TOP, middle_y)]
    useless = Box(_x(USELESS_BELOW_GAIN), TOP + 28, 80, 30)
    return [*(Box(x + 4, y + 4, 110, 20) for x, y in corners), useless]


def _point(n_images: int, gain: float) -> tuple[Markup, Box]:
    """Return the user's own images with their name, and where that stands."""
    x, y = _x(gain), _y(n_images)
    name = t("your images: {:,}, gain {:.2f}").format(n_images, gain)
    width = text_width(name, POINT_PX)
    left = min(max(LEFT + 4, x + 11), RIGHT - 4 - width)
    if left < x + 11:  # no room on the right
        left = x - 11 - width if x - 11 - width > LEFT else left
    beside = left >= x + 11 or left + width <= x - 11
    line = y + 5 if beside else y - 12 if y - 30 > TOP else y + 24
    drawn = Markup(
        '<circle class="point" cx="{:.1f}" cy="{:.1f}" r="7"/>'
        '<text class="point-name" x="{:.1f}" y="{:.1f}">{}</text>'
    ).format(x, y, left, line, name)
    return drawn, Box(left - 2, line - POINT_PX, width + 4, POINT_PX + 6)
