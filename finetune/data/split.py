"""Cut a set of images into train, val and test: seeded, stratified, and the same for an image as the set grows.

What belongs together (copies, near-duplicates, a group) is one unit with one place in [0, 1), a hash of the seed
and of what it is (`finetune.data.units`). The places below the test share are test, those above 1 - the val share
are val, and the rest is train. Hence

- the order and the names of the files change nothing, and what belongs together stays on one side;
- an image keeps its side when others are added or removed, but for two cases: the change ties it to another unit
  or unties it, or its class comes to a limit (below). Another seed or share is another split;
- the price is that shares hold up to chance only: of a class of n units a side with share s gets
  n s ± 2 sqrt(n s (1 - s)) in 19 of 20 cases, such as 15 ± 7 of 100 and 150 ± 23 of 1,000;
- chance has limits: a class has at least one unit on each side, and between half and twice the share. Where it would
  not, the units nearest to the cut change sides (`finetune.data.dealing`), and change back when the class has grown.
  At 15 % this happens to most classes of 5 units, to few of 50 and to hardly any of 150;
- near-duplicates of a class that they leave too few units are dealt singly; those of other classes stay together.
"""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from finetune.data.dealing import deal
from finetune.data.group_rule import grouped_by
from finetune.data.sources import LabelledImage, SplitName
from finetune.data.units import Unit, units_of
from finetune.errors import DataError, OptionError, nearest

if TYPE_CHECKING:
    from finetune.data.health import HealthReport

ENOUGH_TO_TELL = 50
"""Below this many images a side far from its share is chance."""


@dataclass(frozen=True)
class Split:
    """Three disjoint sets of images, each sorted by name; ``given`` names those that came with the data.

    ``class_names`` is the one class map, for all three: a label's index is its place there. ``notes`` say what a
    user should know of the cut.
    """

    train: tuple[LabelledImage, ...]
    val: tuple[LabelledImage, ...]
    test: tuple[LabelledImage, ...]
    class_names: tuple[str, ...]
    given: frozenset[str]
    notes: tuple[str, ...] = ()

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


def too_small(
    where: str, label: str, n_images: int, n_different: int, n_needed: int, *, grouped: bool = False
) -> str:
    """Return the sentence for a class with fewer different images (or groups of them) than a split needs."""
    images = "1 image" if n_images == 1 else f"{n_images or 'no readable'} images"
    what = f"in {n_different} group{'s' * (n_different != 1)}" if grouped else f"{n_different} different"
    but = f" but only {what}, and" if n_different < n_images else ", but"
    return (
        f"class '{label}' has {images} in {where}{but} a split needs {n_needed}; "
        f"add images{' of other groups' * grouped} or drop it with --exclude {shlex.quote(label)}"
    )


def split_images(
    report: HealthReport,
    *,
    seed: int,
    val_share: float = 0.15,
    test_share: float = 0.15,
    group_by: str | None = None,
) -> Split:
    """Cut the readable images of ``report``; splits that came with the data are kept as they are.

    With train and val given, test stays empty unless given; with train and test given, val is cut from
    train; a lone train folder counts as none given. The shares are of a class's units. ``group_by`` is a
    regular expression whose first group, found in an image's name, says which images belong together.

    Raises:
        OptionError: a share outside [0, 1), no val share, nothing left to train on, or a ``group_by`` that
            marks no groups or has nothing to keep together, since the data's own splits are kept.
        DataError: a class with fewer units than there are sides to fill.
    """
    _check_shares(val_share, test_share)
    given = frozenset(report.split_folders)
    given = frozenset() if given == {"train"} else given
    cut = cuts(given, test_share=test_share)
    loose = tuple(image for image in report.images if image.split in (None, "train"))
    notes: tuple[str, ...] = ()
    if group_by is not None:
        if not cut:
            raise OptionError(
                f"--group-by has no effect on {report.where}, which comes with its own splits; leave it out"
            )
        loose, n_alone = grouped_by(loose, group_by)
        notes = (f"{n_alone} of {len(loose)} names do not match --group-by and stand alone",) * bool(n_alone)
    shares = {"val": val_share, "test": test_share}
    sides, said = _cut(loose, report, seed, {side: shares[side] for side in cut})
    for side in given - {"train"}:
        sides[side] = [image for image in report.images if image.split == side]
    train, val, test = (tuple(sorted(sides[side], key=_by_name)) for side in ("train", "val", "test"))
    return Split(train, val, test, report.class_names, given, (*notes, *said))


def _check_shares(val_share: float, test_share: float) -> None:
    if not (0 < val_share < 1 and 0 <= test_share < 1 and val_share + test_share < 1):
        raise OptionError(
            f"val_share {val_share} and test_share {test_share} leave nothing to validate or train on; "
            "val_share must be above 0 and their sum below 1"
        )


def _cut(
    images: Sequence[LabelledImage], report: HealthReport, seed: int, shares: Mapping[str, float]
) -> tuple[defaultdict[str, list[LabelledImage]], list[str]]:
    """Deal ``images`` out to train and the sides in ``shares``; also return what is to be said of it."""
    n_needed = 1 + len(shares)
    units = units_of(images, report, seed=seed)
    notes = []
    if short := _short_of_units(units, report.class_names, n_needed):
        untied = {image.name for unit in units if not unit.labels.isdisjoint(short) for image in unit.images}
        units = units_of(images, report, seed=seed, untied=untied)
        notes = [_untied_note(short, n_needed)]
    for label in _short_of_units(units, report.class_names, n_needed):
        own = [image for image in images if image.label == label]
        n_units = sum(label in unit.labels for unit in units)
        grouped = any(image.group is not None for image in own)
        raise DataError(too_small(report.where, label, len(own), n_units, n_needed, grouped=grouped))
    sides: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for side, dealt in deal(units, shares, report.class_names).items():
        for unit in dealt:
            sides[side].extend(unit.images)
    return sides, notes + _uneven(sides, shares)


def _short_of_units(units: Iterable[Unit], class_names: Iterable[str], n_needed: int) -> list[str]:
    counts = Counter(label for unit in units for label in unit.labels)
    return [label for label in class_names if counts[label] < n_needed]


def _untied_note(labels: Sequence[str], n_needed: int) -> str:
    """Return what is to be said where the near-duplicates of the classes ``labels`` had to be dealt singly."""
    named = ", ".join(f"'{label}'" for label in labels)
    who = f"class {named} has" if len(labels) == 1 else f"classes {named} each have"
    return (
        f"{who} fewer than {n_needed} images that are no near-duplicates of each other, so these near-duplicates "
        "may lie on two sides of the split, which makes the accuracy look better than it is"
    )


def _uneven(sides: Mapping[str, Sequence[LabelledImage]], shares: Mapping[str, float]) -> list[str]:
    """Return a note for each side whose share came out at less than half or more than twice what was asked."""
    total = sum(map(len, sides.values()))
    found = {side: len(sides.get(side, ())) / total for side in shares}
    return [
        f"{side} holds {100 * found[side]:.0f} % of the images instead of {100 * share:.0f} %, since images that "
        "belong together stay together"
        for side, share in sorted(shares.items())
        if total >= ENOUGH_TO_TELL and not share / 2 <= found[side] <= 2 * share
    ]


def _by_name(image: LabelledImage) -> str:
    return image.name
