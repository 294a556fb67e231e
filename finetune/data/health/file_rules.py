"""Health rules about files: unreadable, out of place, copied, or unlike the others in format."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from finetune.data.health.findings import Evidence, Finding, Severity, amount, at_most_one, each
from finetune.data.sources import LabelledImage

ODD_FORMAT_SHARE = 0.02
"""A file format is odd when at most this share of the images (or one image) has it..."""

USUAL_FORMAT_SHARE = 0.95
"""...and at least this share has one other format."""

MOST_NAMED = 10
"""Images of one group that its example names."""

Group = tuple[LabelledImage, ...]


def _unreadable(evidence: Evidence) -> Iterator[Finding]:
    examples = [f"{name}: {reason}" for name, reason in evidence.unreadable.items()]
    message = f"{amount(len(examples), 'image')} cannot be read and will be left out"
    yield from at_most_one("unreadable", "warning", message, examples)


def _odd_formats(evidence: Evidence) -> Iterator[Finding]:
    total = len(evidence.images)
    counts = Counter(evidence.facts[image.name].format for image in evidence.images)
    for usual, n_usual in counts.most_common(1):
        for odd, n_odd in counts.items():
            if (
                n_usual < USUAL_FORMAT_SHARE * total
                or n_odd > max(1, ODD_FORMAT_SHARE * total)
                or odd == usual
            ):
                continue
            names = [image.name for image in evidence.images if evidence.facts[image.name].format == odd]
            message = (
                f"{amount(n_odd, 'image is a', 'images are')} {odd} while {n_usual} of {total} are {usual}; "
                "look whether they belong to the set"
            )
            yield from at_most_one("odd-format", "warning", message, names, images=each(names))


_NAMED = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
}
"""What a file's ending says that it is, in Pillow's words."""


def _wrong_endings(evidence: Evidence) -> Iterator[Finding]:
    examples, names = [], []
    for image in evidence.images:
        ending, found = posixpath.splitext(image.name)[1].lower(), evidence.facts[image.name].format
        if _NAMED.get(ending, found) != found:
            examples.append(f"{image.name}: {found}")
            names.append(image.name)
    message = (
        f"{amount(len(examples), 'file is', 'files are')} of another format than the name says; read as what it is, "
        "but other programs may refuse it"
    )
    yield from at_most_one("wrong-extension", "note", message, examples, images=each(names))


def _twins(
    kind: str,
    severity: Severity,
    message: str,
    groups: Sequence[Sequence[LabelledImage]],
    *,
    count: int | None = None,
) -> Iterator[Finding]:
    """Yield a finding whose examples are ``groups`` of images that belong together."""
    names = [[image.name for image in group] for group in groups]
    yield from at_most_one(kind, severity, message, list(map(_equation, names)), count=count, images=names)


def _equation(names: Sequence[str]) -> str:
    """Return the first of ``names`` as an equation, and how many there are: a burst may have thousands."""
    more = [f"… ({len(names)} in all)"] if len(names) > MOST_NAMED else []
    return " = ".join([*names[:MOST_NAMED], *more])


def _copies(evidence: Evidence) -> Iterator[Finding]:
    """Duplicates within a class and split, leaks across given splits, and contradicting labels."""
    within: list[list[LabelledImage]] = []
    n_extra = 0
    for group in evidence.copies:
        places: defaultdict[tuple[str, str | None], list[LabelledImage]] = defaultdict(list)
        for image in group:
            places[image.label, image.split].append(image)
        n_extra += sum(len(images) - 1 for images in places.values())
        within.extend(images for images in places.values() if len(images) > 1)
    contradicting, across = _contradicting(evidence.copies), _across(evidence.copies)
    yield from _twins(
        "conflicting-labels",
        "warning",
        f"{amount(len(contradicting), 'image lies', 'images lie')} in two classes at once, byte for byte; "
        "keep each in one",
        contradicting,
    )
    yield from _twins(
        "duplicate-across-splits",
        "warning",
        f"{amount(len(across), 'image is', 'images are')} in more than one split, byte for byte, which makes "
        "the accuracy look better than it is; remove them from one",
        across,
    )
    yield from _twins(
        "duplicate",
        "note",
        f"{amount(n_extra, 'image is a copy', 'images are copies')} of another in the same class",
        within,
        count=n_extra,
    )


def _near_copies(evidence: Evidence) -> Iterator[Finding]:
    """The same picture saved anew: leaks, contradictions, and what is merely repeated."""
    near, mirrored = evidence.near, evidence.mirrored
    alike = near.groups + near.links
    contradicting = _apart_in_other_files(evidence, alike, lambda image: image.label)
    across = _apart_in_other_files(evidence, alike, lambda image: image.split)
    yield from _twins(
        "near-conflicting-labels",
        "warning",
        f"{amount(len(contradicting), 'picture lies', 'pictures lie')} in two classes at once, in files that "
        "differ; keep each in one",
        contradicting,
    )
    yield from _twins(
        "near-duplicate-across-splits",
        "warning",
        f"{amount(len(across), 'picture is', 'pictures are')} in more than one split, in files that differ, which "
        "makes the accuracy look better than it is; remove them from one",
        across,
    )
    n_extra = sum(len({evidence.facts[image.name].sha256 for image in group}) - 1 for group in near.groups)
    yield from _twins(
        "near-duplicate",
        "note",
        f"{amount(n_extra, 'file shows', 'files show')} the same picture as another: saved anew, at another size, "
        "or taken in the same moment",
        near.groups,
        count=n_extra,
    )
    n_mirrored = sum(len(group) - 1 for group in mirrored.groups)
    yield from _twins(
        "mirrored-duplicate",
        "note",
        f"{amount(n_mirrored, 'file shows', 'files show')} the mirror image of another",
        mirrored.groups,
        count=n_mirrored,
    )
    turned = _apart_in_other_files(evidence, mirrored.groups + mirrored.links, lambda image: image.split)
    yield from _twins(
        "mirrored-across-splits",
        "warning",
        f"{amount(len(turned), 'picture is', 'pictures are')} in one split and mirrored in another, which makes the "
        "accuracy look better than it is where training mirrors images; remove them from one",
        turned,
    )


def _contradicting(groups: Sequence[Group]) -> list[Group]:
    return [group for group in groups if len({image.label for image in group}) > 1]


def _across(groups: Sequence[Group]) -> list[Group]:
    return [group for group in groups if len({image.split for image in group}) > 1]


def _apart_in_other_files(
    evidence: Evidence, groups: Sequence[Group], place: Callable[[LabelledImage], str | None]
) -> list[Group]:
    """Return the groups that would still be in two places if no file had an exact copy: those are told as copies."""
    found = []
    for group in groups:
        places: defaultdict[str, set[str | None]] = defaultdict(set)
        for image in group:
            places[evidence.facts[image.name].sha256].add(place(image))
        if not set.intersection(*places.values()):
            found.append(group)
    return found


_SKIPPED: tuple[tuple[str, Severity, str], ...] = (
    ("empty-class", "warning", "left out: a folder without images is no class"),
    ("skipped-image", "warning", "left out: images or folders that belong to no class or cannot be followed"),
    ("odd-row", "warning", "rows of the manifest that need a look"),
    ("skipped-file", "note", "left out: files that are not images"),
    ("hidden", "note", "left out: hidden and system files"),
)


def _skipped(evidence: Evidence) -> Iterator[Finding]:
    for kind, severity, message in _SKIPPED:
        examples = [f"{item.name}: {item.reason}" for item in evidence.source.skipped if item.kind == kind]
        yield from at_most_one(kind, severity, message, examples)


FILE_RULES: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    _unreadable,
    _odd_formats,
    _wrong_endings,
    _copies,
    _near_copies,
    _skipped,
)
