"""Cut a set of images into train, val and test: seeded, stratified, stable under growth.

Within each class the different images are ranked by a hash of (seed, file content). Test takes the low end,
val the high end, train the middle. Hence

- the order and the names of the files change nothing, and byte-identical copies stay on one side;
- each class gives the asked shares, rounded, and at least one image to each side;
- adding an image to a class moves at most one older image at each cut, touches no other class, and never
  moves an image between val and test.
"""

from __future__ import annotations

import hashlib
import math
import shlex
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from finetune.data.sources import LabelledImage, SplitName
from finetune.errors import DataError, OptionError, nearest

if TYPE_CHECKING:
    from finetune.data.health import HealthReport


@dataclass(frozen=True)
class Split:
    """Three disjoint sets of images, each sorted by name; ``given`` names those that came with the data.

    ``class_names`` is the one class map, for all three: a label's index is its place there.
    """

    train: tuple[LabelledImage, ...]
    val: tuple[LabelledImage, ...]
    test: tuple[LabelledImage, ...]
    class_names: tuple[str, ...]
    given: frozenset[str]

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.class_names)}

    def index(self, label: str) -> int:
        """Return the class index of ``label``, in [0, number of classes); raises DataError if unknown."""
        try:
            return self._indices[label]
        except KeyError:
            raise DataError(f"no class '{label}' in this set{nearest(label, self.class_names)}") from None

    def indices(self, images: Iterable[LabelledImage]) -> list[int]:
        """Return the class index of each image."""
        return [self.index(image.label) for image in images]


def cuts(split_folders: Collection[str], *, test_share: float = 0.15) -> frozenset[SplitName]:
    """Return the splits to be cut from train, given the splits that came with the data."""
    if "val" in split_folders:
        return frozenset()
    if "test" in split_folders or test_share == 0:
        return frozenset({"val"})
    return frozenset({"val", "test"})


def images_needed(split_folders: Collection[str], *, test_share: float = 0.15) -> int:
    """Return how many different training images a class needs: one for train and one for each cut."""
    return 1 + len(cuts(split_folders, test_share=test_share))


def too_small(where: str, label: str, n_images: int, n_different: int, n_needed: int) -> str:
    """Return the sentence for a class with fewer different images than a split needs."""
    images = "1 image" if n_images == 1 else f"{n_images or 'no readable'} images"
    but = f" but only {n_different} different, and" if n_different < n_images else ", but"
    return (
        f"class '{label}' has {images} in {where}{but} a split needs {n_needed}; "
        f"add images or drop it with --exclude {shlex.quote(label)}"
    )


def split_images(
    report: HealthReport, *, seed: int, val_share: float = 0.15, test_share: float = 0.15
) -> Split:
    """Cut the readable images of ``report``; splits that came with the data are kept as they are.

    With train and val given, test stays empty unless given; with train and test given, val is cut from
    train; a lone train folder counts as none given. The shares are of a class's different images.

    Raises:
        OptionError: a share outside [0, 1), no val share, or nothing left to train on.
        DataError: a class with fewer different images than there are sides to fill.
    """
    _check_shares(val_share, test_share)
    given = frozenset(report.split_folders)
    given = frozenset() if given == {"train"} else given
    shares = {"val": val_share, "test": test_share}
    sides = _cut(report, seed, {side: shares[side] for side in cuts(given, test_share=test_share)})
    for side in given - {"train"}:
        sides[side] = [image for image in report.images if image.split == side]
    train, val, test = (tuple(sorted(sides[side], key=_by_name)) for side in ("train", "val", "test"))
    return Split(train, val, test, report.class_names, given)


def _check_shares(val_share: float, test_share: float) -> None:
    if not (0 < val_share < 1 and 0 <= test_share < 1 and val_share + test_share < 1):
        raise OptionError(
            f"val_share {val_share} and test_share {test_share} leave nothing to validate or train on; "
            "val_share must be above 0 and their sum below 1"
        )


def _cut(
    report: HealthReport, seed: int, shares: Mapping[str, float]
) -> defaultdict[str, list[LabelledImage]]:
    """Deal the images that are not in a given val or test out to train and the sides in ``shares``."""
    by_class: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for image in report.images:
        if image.split in (None, "train"):
            by_class[image.label].append(image)
    sides: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    n_needed = 1 + len(shares)
    for label in report.class_names:
        ranked = _ranked(by_class[label], report, seed)
        if len(ranked) < n_needed:
            raise DataError(too_small(report.where, label, len(by_class[label]), len(ranked), n_needed))
        n_test = _n_cut(len(ranked), shares.get("test", 0.0), leave=len(shares))
        n_val = _n_cut(len(ranked), shares.get("val", 0.0), leave=n_test + 1)
        first_val = len(ranked) - n_val
        for rank, copies in enumerate(ranked):
            side = "test" if rank < n_test else "train" if rank < first_val else "val"
            sides[side].extend(copies)
    return sides


def _ranked(images: Iterable[LabelledImage], report: HealthReport, seed: int) -> list[list[LabelledImage]]:
    """Group byte-identical images and sort the groups by a hash that knows nothing of the other groups."""
    groups: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        facts = report.facts.get(image.name)
        content = facts.sha256 if facts else image.name
        groups[hashlib.sha256(f"{seed}/{content}".encode()).hexdigest()].append(image)
    return [groups[rank] for rank in sorted(groups)]


def _n_cut(n: int, share: float, *, leave: int) -> int:
    """Return ``share`` of ``n``, rounded, but at least 1 (if there is a share) and at most ``n - leave``."""
    return min(max(1, math.floor(share * n + 0.5)), n - leave) if share else 0


def _by_name(image: LabelledImage) -> str:
    return image.name
