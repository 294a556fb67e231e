"""Where names of points in a drawing can stand without covering each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDE = 0.56
"""Width of a letter in times of its height; a Chinese character is as wide as high."""


@dataclass(frozen=True)
class Box:
    """A rectangle by its left upper corner."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )

    def lies_within(self, other: Box) -> bool:
        """Whether no part of it lies outside of the other."""
        return (
            self.x >= other.x
            and self.y >= other.y
            and self.x + self.width <= other.x + other.width
            and self.y + self.height <= other.y + other.height
        )


def text_width(text: str, size_px: float) -> float:
    """Return about how wide ``text`` is in letters ``size_px`` high."""
    return size_px * sum(1.0 if ord(letter) > 0x2E7F else WIDE for letter in text)


def place_label(
    point: tuple[float, float], text: str, *, size_px: float, within: Box, taken: Sequence[Box]
) -> Box | None:
    """Return the first place beside ``point`` where ``text`` meets nothing that is ``taken``, None without one."""
    size = text_width(text, size_px), size_px + 2
    boxes = (_moved_into(box, within) for box in _around(point, *size))
    return next(
        (box for box in boxes if box.lies_within(within) and not any(box.meets(other) for other in taken)),
        None,
    )


def _moved_into(box: Box, within: Box) -> Box:
    """Return the box moved sideways as far as it stuck out."""
    x = min(max(box.x, within.x), within.x + within.width - box.width)
    return Box(x, box.y, box.width, box.height)


def _around(point: tuple[float, float], width: float, height: float) -> Iterator[Box]:
    x, y = point
    for away in (7.0, 14.0):
        yield Box(x + away, y - height / 2, width, height)
        yield Box(x - away - width, y - height / 2, width, height)
        yield Box(x - width / 2, y + away, width, height)
        yield Box(x - width / 2, y - away - height, width, height)
        yield Box(x + away / 2, y + away / 2, width, height)
        yield Box(x - away / 2 - width, y + away / 2, width, height)
        yield Box(x + away / 2, y - away / 2 - height, width, height)
        yield Box(x - away / 2 - width, y - away / 2 - height, width, height)
