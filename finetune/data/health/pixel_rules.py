"""Health rules about how pixels are stored: turned, grey, deeper than eight bits, for print, transparent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finetune.data.health.findings import Evidence, Finding, amount, at_most_one, each
from finetune.data.images import ImageFacts

_GREY_MODES = frozenset({"1", "L", "LA", "I", "F"})
_MIXES: tuple[tuple[str, Callable[[ImageFacts], bool], str], ...] = (
    ("rotated", lambda facts: facts.rotated_by_exif, "stored turned; shown upright, as their EXIF says"),
    (
        "greyscale",
        lambda facts: facts.mode in _GREY_MODES or facts.mode.startswith("I;16"),
        "grey among colour images",
    ),
    ("cmyk", lambda facts: facts.mode == "CMYK", "made for print (CMYK), converted to RGB"),
    ("alpha", lambda facts: facts.transparent, "with transparency, which is shown as white"),
)
_TOLD_OF_ALL = frozenset({"cmyk"})
"""Worth a note where all images are so, too: training sees other values than the files hold."""


def _mixes(evidence: Evidence) -> Iterator[Finding]:
    for kind, holds, message in _MIXES:
        names = [image.name for image in evidence.images if holds(evidence.facts[image.name])]
        if len(names) < len(evidence.images) or kind in _TOLD_OF_ALL:
            told = f"{amount(len(names), 'image')} {message}"
            yield from at_most_one(kind, "note", told, names, images=each(names))


def _deep(evidence: Evidence) -> Iterator[Finding]:
    """Images of more than 8 bits a channel, in one finding: a warning where they leave the upper values unused."""
    names = [image.name for image in evidence.images if evidence.facts[image.name].largest is not None]
    told = f"{amount(len(names), 'image')} with more than 8 bits a channel"
    if low := evidence.low_range:
        message = (
            f"{told} and no value above {max(low.values()):,} of 65,535, read as almost black; rescale them so that "
            "white is 65,535 (`finetune clean` cannot know their range)"
        )
        examples = [f"{name}: {largest:,} at most" for name, largest in low.items()]
        yield from at_most_one("16-bit-range", "warning", message, examples, images=each(low))
    else:
        yield from at_most_one("16-bit", "note", f"{told}, of which 8 are used", names, images=each(names))


PIXEL_RULES: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (_deep, _mixes)
