"""Health rules about what images show: nothing, too dark or bright, blurred, and of an unlikely size or shape."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from finetune.data.health.findings import Evidence, Finding, Severity, amount, at_most_one, each
from finetune.data.health.look import Look
from finetune.data.health.near import LEAST_CONTRAST

MOST_SHARE = 0.1
"""What more than this share of the images is, is how the set is: of a wrong exposure a warning, of what is measured
by the others' median (detail, size, shape) no finding."""

DARK, BRIGHT = 50.0, 205.0
"""Grey values, 0 to 255: an image with 99 % of its pixels below the first or above the second shows little."""

LEAST_DETAIL_SHARE = 0.05
"""An image is blurred when its detail, sharpness / contrast², is below this share of the set's median."""

SIZE_FACTOR = 4.0
"""A shorter side this many times below or above the median's is odd."""

ASPECT_FACTOR = 2.5
"""The same of width to height."""

_LOOKS: tuple[tuple[str, Callable[[Look], bool], str], ...] = (
    ("blank", lambda look: look.contrast < LEAST_CONTRAST, "nothing but one colour"),
    ("dark", lambda look: look.contrast >= LEAST_CONTRAST and look.brightest < DARK, "almost black"),
    ("bright", lambda look: look.contrast >= LEAST_CONTRAST and look.darkest > BRIGHT, "almost white"),
)


def _exposure(evidence: Evidence) -> Iterator[Finding]:
    """One note or warning a kind; what 16-bit files leave unused is told of them already."""
    images = [image.name for image in evidence.images if image.name not in evidence.low_range]
    for kind, holds, words in _LOOKS:
        names = [name for name in images if holds(evidence.looks[name])]
        severity: Severity = "note"
        message = f"{amount(len(names), 'image is', 'images are')} {words}; {_look_at(names)}"
        if not _are_few(evidence, names):
            severity = "warning"
            all_in_all = f"{len(names)} of {len(evidence.images)} images are"
            message = f"{all_in_all} {words}; if they should show more, make them anew"
        yield from at_most_one(kind, severity, message, names, images=each(names))


def _blurred(evidence: Evidence) -> Iterator[Finding]:
    looks = {image.name: evidence.looks[image.name] for image in evidence.images}
    detail = {
        name: look.sharpness / look.contrast**2
        for name, look in looks.items()
        if look.contrast >= LEAST_CONTRAST
    }
    usual = statistics.median(detail.values()) if detail else 0.0
    names = [name for name, value in detail.items() if value < LEAST_DETAIL_SHARE * usual]
    message = (
        f"{amount(len(names), 'image is', 'images are')} much more blurred than the rest; {_look_at(names)}"
    )
    yield from _if_few(evidence, "blurred", message, names)


def _shapes(evidence: Evidence) -> Iterator[Finding]:
    if not evidence.images:
        return
    sides = {image.name: _shorter(evidence, image.name) for image in evidence.images}
    aspects = {
        name: facts.width_px / facts.height_px for name, facts in evidence.facts.items() if name in sides
    }
    for kind, values, factor, words in (
        ("odd-size", sides, SIZE_FACTOR, "of a very different size than"),
        ("odd-aspect", aspects, ASPECT_FACTOR, "much wider or taller than"),
    ):
        usual = statistics.median(values.values())
        odd = [name for name, value in values.items() if not usual / factor <= value <= usual * factor]
        told = [f"{name}: {evidence.facts[name].width_px} x {evidence.facts[name].height_px}" for name in odd]
        message = f"{amount(len(odd), 'image is', 'images are')} {words} the others"
        yield from _if_few(evidence, kind, message, odd, told)


def _look_at(names: list[str]) -> str:
    return "look at it" if len(names) == 1 else "look at them"


def _shorter(evidence: Evidence, name: str) -> int:
    return min(evidence.facts[name].width_px, evidence.facts[name].height_px)


def _if_few(
    evidence: Evidence, kind: str, message: str, names: list[str], examples: list[str] | None = None
) -> Iterator[Finding]:
    if _are_few(evidence, names):
        yield from at_most_one(kind, "note", message, examples or names, images=each(names))


def _are_few(evidence: Evidence, names: list[str]) -> bool:
    return len(names) <= max(1, MOST_SHARE * len(evidence.images))


LOOK_RULES: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (_exposure, _blurred, _shapes)
