"""Decide what becomes of each image of a set when it is cleaned. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from finetune.data.health import HealthReport
from finetune.data.images import ImageFacts
from finetune.data.labelled import LabelledImage, Source

Kind = Literal["copy", "rename", "rewrite", "quarantine", "drop", "skip"]
"""``rename``: the bytes under the right ending; ``rewrite``: the pixels as a PNG; ``drop``: a duplicate, left out;
``quarantine``: put aside for somebody to look at; ``skip``: what is no image of the set."""

KEPT = frozenset({"copy", "rename", "rewrite"})
"""The kinds of those images that stay in the set."""

Cause = Literal["", "unreadable", "conflict", "copy", "near"]
"""Why an image does not stay: it cannot be decoded; it lies in two classes, byte for byte; it is a copy of another
or shows the same picture. Empty for all others."""

ENDINGS: Mapping[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jfif", ".mpo"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif"),
}
"""The endings that are right for each format, the usual one first."""

USUAL_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA"})
"""Pillow modes that are left as they are; others (16-bit and integer grey, float, CMYK, YCbCr, Lab) are re-encoded.

These hold 8 bits a channel or less, and their colours mean the same to every program: palettes (P, PA) are looked up
and greys repeated, without a choice. Transparency, also that of a palette, shows white here
(`finetune.data.pixels`) and elsewhere what a program likes; it is kept, since white could not be undone.

How many frames a file has does not count: an animated GIF, WebP or PNG, an MPO and a TIFF of several pages are copied
whole, and training sees the first frame of the copy as it did of the original. Re-encoded, one is its first frame.
"""

SPLIT_ORDER = ("test", "val", "train", None)
"""Of an image in several splits the copy in the first of these stays: measuring is worth more than training."""


@dataclass(frozen=True)
class Switches:
    """What is cleaned: unreadable files put aside, duplicates dropped (``near`` ones too), odd formats and wrong
    endings re-encoded, EXIF orientation baked into the pixels."""

    quarantine: bool = True
    dedupe: bool = True
    near: bool = False
    reencode: bool = True
    upright: bool = True


@dataclass(frozen=True)
class Action:
    """What becomes of the file ``name``: ``written`` is its new name, empty where it is left out, and why."""

    kind: Kind
    name: str
    written: str
    reason: str
    cause: Cause = ""

    def row(self) -> dict[str, str]:
        """Return what logs and JSON tell of it: kind, name, written, reason."""
        return {"kind": self.kind, "name": self.name, "written": self.written, "reason": self.reason}


def plan(source: Source, report: HealthReport, switches: Switches) -> list[Action]:
    """Return an action for each image of ``source`` and for what was passed over, sorted by name.

    A file that gets a new name gets one that differs from all others by more than case.
    """
    left_out = _unreadable(report, switches) | _conflicts(report, switches) | _duplicates(report, switches)
    actions = list(left_out.values())
    taken = {image.name.casefold() for image in source.images if image.name not in left_out}
    actions += [
        _kept(image, report.facts.get(image.name), switches, taken)
        for image in sorted(source.images, key=lambda image: image.name)
        if image.name not in left_out
    ]
    actions += [Action("skip", item.name, "", item.reason) for item in source.skipped]
    return sorted(actions, key=lambda action: action.name)


def listed(actions: Iterable[Action]) -> list[Action]:
    """Return ``actions`` as a manifest carries them out: what would be put aside is left out."""
    return [replace(action, written="") if action.kind == "quarantine" else action for action in actions]


def _unreadable(report: HealthReport, switches: Switches) -> dict[str, Action]:
    if not switches.quarantine:
        return {}
    return {
        item.name: Action("quarantine", item.name, item.name, item.reason, "unreadable")
        for item in report.quarantine
    }


def _conflicts(report: HealthReport, switches: Switches) -> dict[str, Action]:
    """Put aside images that lie in two classes byte for byte: nobody but the user can tell which is right."""
    found: dict[str, Action] = {}
    for group in _groups(report, report.exact_duplicates) if switches.dedupe else ():
        labels = sorted({image.label for image in group})
        if len(labels) > 1:
            reason = f"lies in the classes {', '.join(labels)} at once, byte for byte"
            found |= {
                image.name: Action("quarantine", image.name, image.name, reason, "conflict")
                for image in group
            }
    return found


def _duplicates(report: HealthReport, switches: Switches) -> dict[str, Action]:
    """Drop all but one of each group of duplicates in a class."""
    found: dict[str, Action] = {}
    kinds: list[tuple[Cause, str, Sequence[Sequence[str]]]] = []
    if switches.near:
        kinds.append(("near", "the same picture as", report.near_duplicates))
    if switches.dedupe:  # last: these words are the stronger
        kinds.append(("copy", "the same file as", report.exact_duplicates))
    in_conflict = _conflicts(report, switches).keys()
    for cause, what, groups in kinds:
        for group in _groups(report, groups):
            of_label: defaultdict[str, list[LabelledImage]] = defaultdict(list)
            for image in group:
                if image.name not in in_conflict:
                    of_label[image.label].append(image)
            for images in of_label.values():
                kept = min(images, key=lambda image: _worth(image, report.facts))
                found |= {
                    image.name: Action("drop", image.name, "", f"{what} {kept.name}", cause)
                    for image in images
                    if image is not kept
                }
    return found


def _worth(image: LabelledImage, facts: Mapping[str, ImageFacts]) -> tuple[int, int, str]:
    """Return what sorts the copy to keep first: by split, by pixels, by name."""
    size = facts[image.name]
    return SPLIT_ORDER.index(image.split), -size.width_px * size.height_px, image.name


def _groups(report: HealthReport, groups: Iterable[Sequence[str]]) -> list[list[LabelledImage]]:
    images = {image.name: image for image in report.images}
    return [[images[name] for name in group] for group in groups]


def _kept(image: LabelledImage, facts: ImageFacts | None, switches: Switches, taken: set[str]) -> Action:
    if facts is None:
        return Action("copy", image.name, image.name, "")
    reasons = []
    if switches.reencode and facts.mode not in USUAL_MODES:
        reasons.append(f"{facts.format} of mode {facts.mode}")
    if switches.upright and facts.rotated_by_exif:
        reasons.append("turned by EXIF")
    right = (".png",) if reasons else ENDINGS.get(facts.format, ())
    path = PurePosixPath(image.name)
    written = image.name
    if right and path.suffix.lower() not in right and (reasons or switches.reencode):
        taken.discard(image.name.casefold())
        written = _free(path, right[0], taken)
    if reasons:
        return Action("rewrite", image.name, written, " and ".join(reasons))
    if written != image.name:
        return Action("rename", image.name, written, f"is a {facts.format}, not a {path.suffix}")
    return Action("copy", image.name, image.name, "")


def _free(path: PurePosixPath, ending: str, taken: set[str]) -> str:
    """Return ``path`` with ``ending``, numbered where another file is called so, and take it."""
    name, number = str(path.with_suffix(ending)), 0
    while name.casefold() in taken:
        number += 1
        name = str(path.with_name(f"{path.stem}-{number}{ending}"))
    taken.add(name.casefold())
    return name
