"""Health rules about classes, splits and groups: too small, too few, missing, out of balance, named alike, torn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from finetune.data.health.class_names import similar_names
from finetune.data.health.findings import Evidence, Finding, amount, at_most_one
from finetune.data.labelled import LabelledImage
from finetune.data.split import images_needed, too_small

FEW_IMAGES = 20
"""A class below this many training images gives a rough model and a rougher estimate of it."""

IMBALANCE_RATIO = 5

OVERLAP = 0.999
"""The β of `effective_number`."""


def effective_number(n: int, *, overlap: float = OVERLAP) -> float:
    """Return (1 - βⁿ) / (1 - β): how many images n are worth when each repeats a part of the others.

    Cui, Jia, Lin, Song, Belongie, *Class-balanced loss based on effective number of samples*, CVPR 2019, eq. 2.
    """
    return (1 - overlap**n) / (1 - overlap)


class Imbalance(NamedTuple):
    """How many times the images of the ``smallest`` class the ``largest`` has, and how many times their worth."""

    largest: str
    smallest: str
    ratio: float
    effective: float


def imbalance_of(counts: Mapping[str, int]) -> Imbalance | None:
    """Return the imbalance of the classes that have images; None of fewer than two."""
    found = {name: count for name, count in counts.items() if count}
    if len(found) < 2:
        return None
    small, large = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    worth = effective_number(found[large]) / effective_number(found[small])
    return Imbalance(large, small, found[large] / found[small], worth)


def _no_images(evidence: Evidence) -> Iterator[Finding]:
    with_images = [name for name, count in evidence.train_counts.items() if count]
    where = evidence.source.where
    if not with_images:
        yield Finding("no-images", "error", 0, f"no image in {where} can be read; see the reasons", ())
    elif len(with_images) == 1:
        message = (
            f"only class '{with_images[0]}' in {where} has readable images; a classifier needs two classes"
        )
        yield Finding("one-class", "error", 1, message, tuple(with_images))


def _small_classes(evidence: Evidence) -> Iterator[Finding]:
    needed = images_needed(evidence.source.split_folders)
    grouped = {image.label for image in evidence.training if image.group is not None}
    for name, count in evidence.train_counts.items():
        n_units = evidence.train_units[name]
        if n_units < needed:
            kind = "tiny-class" if count else "empty-class"
            message = too_small(evidence.source.where, name, count, n_units, needed, grouped=name in grouped)
            yield Finding(kind, "error", n_units, message, (name,))


def _empty_splits(evidence: Evidence) -> Iterator[Finding]:
    found = {image.split for image in evidence.images}
    for split, folder in evidence.source.split_folders.items():
        if split != "train" and split not in found:
            message = f"no image in {evidence.source.where}/{folder} can be read; add images or remove it"
            yield Finding("empty-split", "error", 0, message, (folder,))


def _missing_from_split(evidence: Evidence) -> Iterator[Finding]:
    for split, folder in evidence.source.split_folders.items():
        present = {image.label for image in evidence.images if image.split == split}
        absent = [name for name in evidence.source.class_names if name not in present]
        if present and split != "train":
            message = (
                f"{amount(len(absent), 'class', 'classes')} without images in {folder}; not measured there"
            )
            yield from at_most_one("missing-from-split", "warning", message, absent)


def _groups_across_splits(evidence: Evidence) -> Iterator[Finding]:
    """Groups of the data's own, such as a patient's images, that lie in more than one of its own splits."""
    groups: defaultdict[str, dict[str | None, LabelledImage]] = defaultdict(dict)
    for image in evidence.images:
        if image.group is not None:
            groups[image.group].setdefault(image.split, image)
    torn = {name: first for name, first in sorted(groups.items()) if len(first) > 1}
    message = (
        f"{amount(len(torn), 'group lies', 'groups lie')} in more than one split, which makes the accuracy look "
        "better than it is; keep the images of each in one"
    )
    examples = [f"{name}: in {' and '.join(str(split) for split in first)}" for name, first in torn.items()]
    images = [[image.name for image in first.values()] for first in torn.values()]
    yield from at_most_one("group-across-splits", "warning", message, examples, images=images)


def _similar_class_names(evidence: Evidence) -> Iterator[Finding]:
    pairs = similar_names(evidence.source.class_names)
    message = "class names that look like one class; rename the folder if they are"
    examples = [f"{first}, {second}: {why}" for first, second, why in pairs]
    yield from at_most_one("similar-class-names", "warning", message, examples)


def _few_images(evidence: Evidence) -> Iterator[Finding]:
    few = {name: count for name, count in evidence.train_counts.items() if 0 < count < FEW_IMAGES}
    message = (
        f"{amount(len(few), 'class has', 'classes have')} fewer than {FEW_IMAGES} images; expect a rough "
        "model and a rough estimate of it"
    )
    yield from at_most_one("few-images", "warning", message, [f"{name}: {few[name]}" for name in few])


def _imbalance(evidence: Evidence) -> Iterator[Finding]:
    found = imbalance_of(evidence.train_counts)
    if found is not None and found.ratio >= IMBALANCE_RATIO:
        large, small, ratio, worth = found
        message = (
            f"class '{large}' has {ratio:.0f} times the images of '{small}' (effectively {worth:.0f} times); "
            "read the macro F1 beside the accuracy, and try --class-balance auto"
        )
        examples = [f"{name}: {evidence.train_counts[name]}" for name in (large, small)]
        yield from at_most_one("imbalance", "warning", message, examples, count=1)


CLASS_RULES: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    _no_images,
    _small_classes,
    _empty_splits,
    _missing_from_split,
    _groups_across_splits,
    _similar_class_names,
    _few_images,
    _imbalance,
)
