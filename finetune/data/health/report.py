"""Look at every image of a source before training: what is unreadable, doubled, leaking or tiny."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from finetune.data.health.class_rules import CLASS_RULES
from finetune.data.health.file_rules import FILE_RULES
from finetune.data.health.findings import Evidence, Finding, Severity
from finetune.data.images import ImageFacts, check_image
from finetune.data.sources import LabelledImage, Source
from finetune.errors import ImageError

__all__ = ["Finding", "HealthReport", "Quarantined", "Severity", "inspect_source"]

_MAX_WORKERS = 16
"""Each may hold an image of MAX_PIXELS: about half a GiB."""


@dataclass(frozen=True)
class Quarantined:
    """An image left out because it cannot be decoded: posix name below the source's root, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class HealthReport:
    """A source after each of its images was decoded in full.

    ``classes`` and ``splits`` count readable images (all splits together; no splits given: empty), ``images``
    are those images and ``facts`` what decoding found, by name. ``usable`` is false when training cannot
    start: exactly when a finding is an error.

    ``exact_duplicates`` are groups of names of images that are equal byte for byte, ``near_duplicates`` groups
    of those that show the same picture (a group holds the exact duplicates of its members too), each of two
    names or more, in any class and split; no name is in two groups of one kind.
    """

    where: str
    usable: bool
    classes: Mapping[str, int]
    splits: Mapping[str, int]
    split_folders: Mapping[str, str]
    findings: tuple[Finding, ...]
    quarantine: tuple[Quarantined, ...]
    images: tuple[LabelledImage, ...]
    class_names: tuple[str, ...]
    facts: Mapping[str, ImageFacts] = field(default_factory=dict)
    exact_duplicates: tuple[tuple[str, ...], ...] = ()
    near_duplicates: tuple[tuple[str, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what `inspect --json` prints: counts, findings and quarantine, without the images."""
        return {
            "usable": self.usable,
            "classes": dict(self.classes),
            "splits": dict(self.splits),
            "split_folders": dict(self.split_folders),
            "findings": [asdict(finding) | {"examples": list(finding.examples)} for finding in self.findings],
            "quarantine": [asdict(item) for item in self.quarantine],
        }


def inspect_source(
    source: Source, *, progress: Callable[[int, int], None] | None = None, workers: int | None = None
) -> HealthReport:
    """Decode every image of ``source`` in ``workers`` threads (default: one a core) and report.

    ``progress(images done, images in all)`` is called from the calling thread. An image that cannot be
    decoded goes to the quarantine; nothing is raised for it.
    """
    outcomes = _check_all(source.images, progress, workers or _usual_workers())
    checked = list(zip(source.images, outcomes, strict=True))
    facts = {image.name: found for image, found in checked if isinstance(found, ImageFacts)}
    unreadable = {image.name: found for image, found in checked if isinstance(found, str)}
    images = tuple(image for image in source.images if image.name in facts)
    evidence = Evidence(source, images, facts, unreadable)
    findings = _find_all(evidence)
    by_class = Counter(image.label for image in images)
    by_split = Counter(image.split for image in images)
    return HealthReport(
        where=source.where,
        usable=all(finding.severity != "error" for finding in findings),
        classes={name: by_class[name] for name in source.class_names},
        splits={
            split: by_split[split] for split in ("train", "val", "test") if split in source.split_folders
        },
        split_folders=dict(source.split_folders),
        findings=findings,
        quarantine=tuple(Quarantined(name, reason) for name, reason in unreadable.items()),
        images=images,
        class_names=source.class_names,
        facts=facts,
        exact_duplicates=tuple(tuple(image.name for image in group) for group in evidence.copies),
    )


def _find_all(evidence: Evidence) -> tuple[Finding, ...]:
    """Apply every rule; errors come first, then warnings, then notes."""
    found = [finding for rule in (*CLASS_RULES, *FILE_RULES) for finding in rule(evidence)]
    return tuple(sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity)))


def _usual_workers() -> int:
    # A container may own fewer cores than the machine has; only Linux tells.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MAX_WORKERS, cores)


def _check_all(
    images: Sequence[LabelledImage], progress: Callable[[int, int], None] | None, workers: int
) -> list[ImageFacts | str]:
    """Return for each image, in order, its facts or the reason why it has none."""
    outcomes: list[ImageFacts | str] = []
    pool = ThreadPoolExecutor(workers)
    try:
        for outcome in pool.map(_facts_or_reason, images):
            outcomes.append(outcome)
            if progress is not None:
                progress(len(outcomes), len(images))
    finally:
        # Ctrl-C must not wait for fifty thousand images that are still queued.
        pool.shutdown(cancel_futures=True)
    return outcomes


def _facts_or_reason(image: LabelledImage) -> ImageFacts | str:
    try:
        return check_image(image.path)
    except ImageError as error:
        return str(error).removeprefix(f"{image.path} ")
