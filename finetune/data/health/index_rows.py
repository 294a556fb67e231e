"""One image as a row of the index: its file, what a decode told of it, its thumbnail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from finetune.data.health.look import Look
from finetune.data.images import ImageFacts

COLUMNS = (
    "path, size, mtime, ctime, width, height, mode, format, rotated, sha256, transparent, largest, "
    "brightness, contrast, darkest, brightest, sharpness, red, green, blue, red2, green2, blue2, "
    "phash, mirrored, thumb"
)
SEEN_COLUMNS = COLUMNS.removesuffix(", thumb")
N_COLUMNS = len(COLUMNS.split(","))


class Stamp(NamedTuple):
    """What tells whether a file has changed: bytes, and ns since 1970."""

    size: int
    mtime: int
    ctime: int


class Seen(NamedTuple):
    """What one decode told of an image: its facts and its look."""

    facts: ImageFacts
    look: Look


def row_of(path: str, stamp: Stamp, seen: Seen, thumb: bytes) -> tuple[object, ...]:
    """Return what is kept of an image, in the order of `COLUMNS`."""
    facts, look = seen
    return (
        path,
        *stamp,
        facts.width_px,
        facts.height_px,
        facts.mode,
        facts.format,
        facts.rotated_by_exif,
        facts.sha256,
        facts.transparent,
        facts.largest,
        *look.numbers(),
        _signed(look.phash),
        _signed(look.mirrored_phash),
        thumb,
    )


def seen_in(values: Sequence[object]) -> Seen:
    """Return what was seen of an image, from the columns behind its path and stamp."""
    width, height, mode, format_, rotated, sha256, transparent, largest, *numbers = values
    brightness, contrast, darkest, brightest, sharpness, r, g, b, r2, g2, b2, phash, mirrored = numbers
    facts = ImageFacts(
        width,  # type: ignore[arg-type]
        height,  # type: ignore[arg-type]
        mode,  # type: ignore[arg-type]
        format_,  # type: ignore[arg-type]
        bool(rotated),
        sha256,  # type: ignore[arg-type]
        bool(transparent),
        largest,  # type: ignore[arg-type]
    )
    look = Look(
        brightness,  # type: ignore[arg-type]
        contrast,  # type: ignore[arg-type]
        darkest,  # type: ignore[arg-type]
        brightest,  # type: ignore[arg-type]
        sharpness,  # type: ignore[arg-type]
        (r, g, b),  # type: ignore[arg-type]
        (r2, g2, b2),  # type: ignore[arg-type]
        _unsigned(phash),  # type: ignore[arg-type]
        _unsigned(mirrored),  # type: ignore[arg-type]
    )
    return Seen(facts, look)


def _signed(value: int) -> int:
    """Return an unsigned 64-bit number as SQLite's signed one."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _unsigned(value: int) -> int:
    return value % (1 << 64)
