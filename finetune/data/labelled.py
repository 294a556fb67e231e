"""The nouns of a labelled image set: one image, and the set as it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetune.data.layout import SplitName
from finetune.data.listing import Skipped

SplitsFrom = Literal["folder", "column", "dataset"]
"""Where the splits come from: folders' names, a manifest's column, or the data set's own parts."""

_SAYINGS: Mapping[SplitsFrom, str] = {
    "folder": "{name}/ is {split} ({count})",
    "column": "rows of '{name}' are {split} ({count})",
    "dataset": "its part '{name}' is {split} ({count})",
}


@dataclass(frozen=True)
class LabelledImage:
    """One image file: absolute ``path``, posix ``name`` below the source's root, class, and given split.

    Images of one ``group``, such as those of one patient, belong on one side of a split; None: not said.
    """

    path: Path
    name: str
    label: str
    split: SplitName | None
    group: str | None = None


@dataclass(frozen=True)
class Found:
    """What one kind of source holds before any class is left out or any rule is asked.

    ``splits`` are the given splits with their names as found, ``labels`` all class names, also those of
    classes without images.
    """

    root: Path
    images: tuple[LabelledImage, ...]
    labels: frozenset[str]
    splits: Mapping[SplitName, str]
    splits_from: SplitsFrom
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Source:
    """A labelled image set as found on disk; no image has been opened yet.

    ``where`` is what the user wrote and ``root`` the folder that the images' names start from. ``images``
    are sorted by split and class; ``class_names`` is the one class map: those of train, sorted.
    ``split_folders`` maps a split to its name as found: a folder's, a column's value, a part's. It is empty,
    and ``splits_from`` None, when no splits were given.
    """

    where: str
    root: Path
    images: tuple[LabelledImage, ...]
    class_names: tuple[str, ...]
    split_folders: Mapping[str, str]
    skipped: tuple[Skipped, ...]
    splits_from: SplitsFrom | None = None

    @property
    def how_split(self) -> str:
        """Say how the splits were understood, with the images of each."""
        if self.splits_from is None:
            return "none given; train, val and test will be cut, each class in the same shares"
        counts: Counter[str | None] = Counter(image.split for image in self.images)
        saying = _SAYINGS[self.splits_from]
        given = [
            saying.format(name=name, split=split, count=counts[split])
            for split, name in self.split_folders.items()
        ]
        missing = "" if "val" in self.split_folders else "; what is missing will be cut from train"
        return ", ".join(given) + missing
