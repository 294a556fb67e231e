"""Health rules about what images show: nothing, too dark or bright, blurred, and of an unlikely size or shape."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from finetune.data.health.findings import Evidence, Finding, amount, at_most_one
from finetune.data.health.look import Look
from finetune.data.health.near import LEAST_CONTRAST

MOST_SHARE = 0.1
"""What more than this share of the images is, is how the set is, and no finding."""

DARKEST, BRIGHTEST = 20.0, 245.0
"""Mean grey values, 0 to 255, outside which little can be seen."""

LEAST_SHARPNESS = 20.0
"""Variance of the Laplacian below which an image of `SHARP_FROM_PX` or more is blurred..."""

SHARP_FROM_PX = 96

LEAST_SHARPNESS_SHARE = 0.1
"""...if it is also below this share of the set's median."""

SIZE_FACTOR = 4.0
"""A shorter side this many times below or above the median's is odd."""

ASPECT_FACTOR = 2.5
"""The same of width to height."""

_LOOKS: tuple[tuple[str, Callable[[Look], bool], str], ...] = (
    ("blank", lambda look: look.contrast < LEAST_CONTRAST, "nothing but one colour"),
    ("dark", lambda look: look.contrast >= LEAST_CONTRAST and look.brightness < DARKEST, "almost black"),
    (
        "bright",
        lambda look: look.contrast >= LEAST_CONTRAST and look.brightness > BRIGHTEST,
        "almost white",
    ),
)


def _exposure(evidence: Evidence) -> Iterator[Finding]:
    for kind, holds, words in _LOOKS:
        names = [image.name for image in evidence.images if holds(evidence.looks[image.name])]
        message = (
            f"{amount(len(names), 'image is', 'images are')} {words}; look whether they show their class"
        )
        yield from _if_few(evidence, kind, message, names)


def _blurred(evidence: Evidence) -> Iterator[Finding]:
    sharpness = {image.name: evidence.looks[image.name].sharpness for image in evidence.images}
    limit = min(
        LEAST_SHARPNESS, LEAST_SHARPNESS_SHARE * statistics.median(sharpness.values()) if sharpness else 0
    )
    names = [
        image.name
        for image in evidence.images
        if sharpness[image.name] < limit
        and evidence.looks[image.name].contrast >= LEAST_CONTRAST
        and _shorter(evidence, image.name) >= SHARP_FROM_PX
    ]
    message = f"{amount(len(names), 'image is', 'images are')} much more blurred than the rest; look at them"
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
        yield from _if_few(evidence, kind, message, told)


def _shorter(evidence: Evidence, name: str) -> int:
    return min(evidence.facts[name].width_px, evidence.facts[name].height_px)


def _if_few(evidence: Evidence, kind: str, message: str, examples: list[str]) -> Iterator[Finding]:
    if len(examples) <= max(1, MOST_SHARE * len(evidence.images)):
        yield from at_most_one(kind, "note", message, examples)


LOOK_RULES: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (_exposure, _blurred, _shapes)
