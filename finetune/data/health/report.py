"""Look at every image of a source before training: what is unreadable, doubled, leaking or tiny."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from finetune.data.health.channels import Channels, channels_of
from finetune.data.health.class_rules import CLASS_RULES, Imbalance, effective_number, imbalance_of
from finetune.data.health.file_rules import FILE_RULES
from finetune.data.health.findings import Evidence, Finding, Severity
from finetune.data.health.index import ImageIndex, open_index
from finetune.data.health.index_rows import Seen
from finetune.data.health.look_rules import LOOK_RULES
from finetune.data.health.pixel_rules import PIXEL_RULES
from finetune.data.health.scan import scan
from finetune.data.health.twins import FeatureCheck, FeaturesOf, Group, exact_twins, near_twins
from finetune.data.images import ImageFacts
from finetune.data.sources import LabelledImage, Source

__all__ = ["Finding", "HealthReport", "Quarantined", "Severity", "inspect_source"]


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
    start: exactly when a finding is an error. ``how_split`` says how the splits were understood.

    ``exact_duplicates`` are groups of names of images that are equal byte for byte, ``near_duplicates`` groups
    of those that show the same picture as the group's first (a group holds the exact duplicates of its members
    too), each of two names or more, in any class and split; no name is in two groups of one kind. ``near_links``
    are images that show the same picture though they are in two groups: in a long series of pictures each is like
    the next, and the last not like the first. ``mirrored_duplicates`` are groups that show the mirror image of
    their first.

    ``train_classes`` counts, and ``channels`` are the mean and deviation of, the images that training can draw on:
    those of train where splits are given, else all. ``feature_check`` says how many pairs of likely duplicates
    features have turned down; None where none were asked.
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
    how_split: str = ""
    facts: Mapping[str, ImageFacts] = field(default_factory=dict)
    exact_duplicates: tuple[tuple[str, ...], ...] = ()
    near_duplicates: tuple[tuple[str, ...], ...] = ()
    near_links: tuple[tuple[str, ...], ...] = ()
    mirrored_duplicates: tuple[tuple[str, ...], ...] = ()
    channels: Channels | None = None
    train_classes: Mapping[str, int] = field(default_factory=dict)
    feature_check: FeatureCheck | None = None

    @property
    def imbalance(self) -> Imbalance | None:
        """Return how unequal the classes are that training can draw on; None of fewer than two."""
        return imbalance_of(self.train_classes)

    def to_json(self) -> dict[str, Any]:
        """Return what `inspect --json` prints: counts, findings and quarantine, without the images."""
        return {
            "usable": self.usable,
            "classes": dict(self.classes),
            "splits": dict(self.splits),
            "split_folders": dict(self.split_folders),
            "how_split": self.how_split,
            "findings": [asdict(finding) | {"examples": list(finding.examples)} for finding in self.findings],
            "quarantine": [asdict(item) for item in self.quarantine],
            "duplicates": [list(group) for group in self.exact_duplicates],
            "near_duplicates": [list(group) for group in self.near_duplicates],
            "mirrored_duplicates": [list(group) for group in self.mirrored_duplicates],
            "effective_number": {name: effective_number(n) for name, n in self.train_classes.items()},
            "imbalance": None if self.imbalance is None else self.imbalance._asdict(),
            "feature_check": None if self.feature_check is None else self.feature_check._asdict(),
            "channels": None if self.channels is None else asdict(self.channels),
        }


def inspect_source(
    source: Source,
    *,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    index: Path | None = None,
    features: FeaturesOf | None = None,
) -> HealthReport:
    """Look at every image of ``source``, decoded in full, and report; unchanged files are not read again.

    ``progress(images done, images in all)`` is called from the calling thread; ``workers`` decode at once
    (default: one a core). An image that cannot be decoded goes to the quarantine; nothing is raised for it.
    ``index`` is the file of what was seen before (default: the user's). ``features`` must confirm near-duplicates
    where given; it is asked for those images alone that look like one.
    """
    with open_index(index) as opened:
        outcomes = scan(source.images, opened, progress=progress, workers=workers)
        checked = list(zip(source.images, outcomes, strict=True))
        unreadable = {image.name: found for image, found in checked if isinstance(found, str)}
        evidence = _evidence(
            source,
            {image.name: found for image, found in checked if not isinstance(found, str)},
            unreadable,
            opened,
            features,
        )
    images, findings = evidence.images, _find_all(evidence)
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
        how_split=replace(source, images=images).how_split,
        facts=evidence.facts,
        exact_duplicates=_names(evidence.copies),
        near_duplicates=_names(evidence.near.groups),
        near_links=_names(evidence.near.links),
        mirrored_duplicates=_names(evidence.mirrored.groups),
        channels=channels_of([evidence.looks[image.name] for image in _training(evidence)]),
        train_classes=evidence.train_counts,
        feature_check=evidence.feature_check,
    )


def _evidence(
    source: Source,
    seen: Mapping[str, Seen],
    unreadable: Mapping[str, str],
    index: ImageIndex,
    features: FeaturesOf | None,
) -> Evidence:
    images = tuple(image for image in source.images if image.name in seen)
    near, mirrored, check = near_twins(images, seen, index, features=features)
    return Evidence(
        source,
        images,
        {name: found.facts for name, found in seen.items()},
        unreadable,
        {name: found.look for name, found in seen.items()},
        exact_twins(images, seen),
        near,
        mirrored,
        check,
    )


def _training(evidence: Evidence) -> list[LabelledImage]:
    train = "train" if evidence.source.split_folders else None
    return [image for image in evidence.images if image.split == train]


def _names(groups: Sequence[Group]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(image.name for image in group) for group in groups)


def _find_all(evidence: Evidence) -> tuple[Finding, ...]:
    """Apply every rule; errors come first, then warnings, then notes."""
    rules = (*CLASS_RULES, *FILE_RULES, *PIXEL_RULES, *LOOK_RULES)
    found = [finding for rule in rules for finding in rule(evidence)]
    return tuple(sorted(found, key=lambda finding: ("error", "warning", "note").index(finding.severity)))
