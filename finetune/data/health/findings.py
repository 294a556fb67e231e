"""The nouns of the health check: the evidence that its rules look at, and what each finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from finetune.data.health.look import Look
from finetune.data.health.twins import FeatureCheck, Twins
from finetune.data.images import ImageFacts
from finetune.data.sources import LabelledImage, Source
from finetune.data.units import parts_of

Severity = Literal["error", "warning", "note"]

MAX_EXAMPLES = 10

LOW_RANGE = 4_096
"""Where no value of a set's 16-bit images reaches this, they hold 12 bits or fewer and are read as almost black."""


@dataclass(frozen=True)
class Finding:
    """One thing to know about a set: ``count`` things of one ``kind``, at most MAX_EXAMPLES of them named.

    ``images`` are the names of the images behind each example, where it is about images that can be read.
    """

    kind: str
    severity: Severity
    count: int
    message: str
    examples: tuple[str, ...]
    images: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What the rules look at: readable ``images`` with ``facts`` and ``looks`` by name; why others are not.

    ``copies`` are groups of two or more images that are the same, byte for byte; ``near`` are those that show
    the same picture, with the copies of each; ``mirrored`` those that show one another's mirror image.
    ``feature_check`` is how features judged these, where there were any.
    """

    source: Source
    images: tuple[LabelledImage, ...]
    facts: Mapping[str, ImageFacts]
    unreadable: Mapping[str, str]
    looks: Mapping[str, Look] = field(default_factory=dict)
    copies: tuple[tuple[LabelledImage, ...], ...] = ()
    near: Twins = field(default_factory=Twins)
    mirrored: Twins = field(default_factory=Twins)
    feature_check: FeatureCheck | None = None

    @cached_property
    def training(self) -> tuple[LabelledImage, ...]:
        """Readable images that training can draw on."""
        train = "train" if self.source.split_folders else None
        return tuple(image for image in self.images if image.split == train)

    @cached_property
    def train_counts(self) -> dict[str, int]:
        """Readable images of each class that training can draw on, zero included."""
        found = Counter(image.label for image in self.training)
        return {name: found[name] for name in self.source.class_names}

    @cached_property
    def train_units(self) -> dict[str, int]:
        """As ``train_counts``, but what no split parts, copies and the images of one group, counts once."""
        if any(image.group is not None for image in self.training):
            parts = parts_of(self.training, self.facts)
            found = Counter(label for part in parts for label in {image.label for image in part})
        else:  # the same without groups, for each of a hundred thousand images
            contents = {(image.label, self.facts[image.name].sha256) for image in self.training}
            found = Counter(label for label, _ in contents)
        return {name: found[name] for name in self.source.class_names}

    @cached_property
    def low_range(self) -> dict[str, int]:
        """The largest value of each image with 16 bits a channel, by name, where all are below `LOW_RANGE`."""
        largest = {i.name: value for i in self.images if (value := self.facts[i.name].largest) is not None}
        return largest if max(largest.values(), default=LOW_RANGE) < LOW_RANGE else {}


def at_most_one(
    kind: str,
    severity: Severity,
    message: str,
    examples: Collection[str],
    *,
    count: int | None = None,
    images: Sequence[Sequence[str]] = (),
) -> Iterator[Finding]:
    """Yield one finding, or none without ``examples``; ``count`` is the number of examples unless given."""
    if examples:
        n = len(examples) if count is None else count
        named = tuple(tuple(group) for group in images[:MAX_EXAMPLES])
        yield Finding(kind, severity, n, message, tuple(examples)[:MAX_EXAMPLES], named)


def each(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Return ``names`` as the `Finding.images` of a finding whose examples are one image each."""
    return [(name,) for name in names]


def amount(n: int, noun: str, plural: str | None = None) -> str:
    """Return ``n`` with its noun, such as "1 image" or "2 classes"."""
    return f"{n} {noun if n == 1 else plural or noun + 's'}"
