"""Groups of images that are the same file, show the same picture, or show one another's mirror image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from finetune.data.health.index import ImageIndex
from finetune.data.health.index_rows import Seen
from finetune.data.health.likeness import Likeness, likeness_of
from finetune.data.health.near import LEAST_CONTRAST, Features, Pictures
from finetune.data.health.stars import Parted, parted
from finetune.data.health.thumbs import Thumbs
from finetune.data.sources import LabelledImage

Group = tuple[LabelledImage, ...]


class Twins(NamedTuple):
    """Groups of images that are each alike the group's first, and pairs (with their copies) alike across groups."""

    groups: tuple[Group, ...] = ()
    links: tuple[Group, ...] = ()


class FeatureCheck(NamedTuple):
    """How many pairs thumbnails call the same picture, or one another's mirror image, and features do not."""

    candidates: int
    turned_down: int


class NearTwins(NamedTuple):
    """What shows the same picture, what one another's mirror image, and how features judged, where there were any."""

    near: Twins
    mirrored: Twins
    check: FeatureCheck | None


class FeaturesOf(Protocol):
    """Gives the features of images, m x d in their order, or of their mirror images."""

    def __call__(self, paths: Sequence[Path], *, mirrored: bool) -> np.ndarray:
        """Return a row for each of ``paths``."""


def exact_twins(images: Sequence[LabelledImage], seen: Mapping[str, Seen]) -> tuple[Group, ...]:
    """Return the groups of two or more images that are the same, byte for byte."""
    return tuple(tuple(group) for group in _by_content(images, seen).values() if len(group) > 1)


def near_twins(
    images: Sequence[LabelledImage],
    seen: Mapping[str, Seen],
    index: ImageIndex,
    *,
    features: FeaturesOf | None = None,
) -> NearTwins:
    """Return the images that show the same picture, and those that show one another's mirror image.

    ``seen`` is by name, ``index`` has the thumbnails. Where ``features`` are given they must confirm what thumbnails
    show, and are asked for those images alone. A picture of a group brings its exact twins along; exact twins alone
    are no group here.
    """
    copies = [
        group
        for group in _by_content(images, seen).values()
        if seen[group[0].name].look.contrast >= LEAST_CONTRAST
    ]
    first = [group[0] for group in copies]
    hashes, mirrored = (
        np.array([getattr(seen[image.name].look, name) for image in first], np.uint64)
        for name in ("phash", "mirrored_phash")
    )
    thumbs, paths = Thumbs(first, index), [image.path for image in first]
    judged = [
        _judged(pictures, paths, features)
        for pictures in (
            Pictures(hashes, hashes, thumbs.of),
            Pictures(hashes, mirrored, thumbs.of, mirrored=True),
        )
    ]
    near, turned = (_with_copies(parted(alike), copies) for alike, _ in judged)
    checks = [check for _, check in judged]
    check = FeatureCheck(sum(c.candidates for c in checks), sum(c.turned_down for c in checks))
    return NearTwins(near, _without_the_near(turned, near), None if features is None else check)


def _judged(
    pictures: Pictures, paths: Sequence[Path], features: FeaturesOf | None
) -> tuple[Likeness, FeatureCheck]:
    """Return who is alike whom, and how many pairs were turned down for that."""
    alike = likeness_of(pictures)
    n_pairs = int(alike.counts.sum()) // 2
    if features is None or not n_pairs:
        return alike, FeatureCheck(n_pairs, 0)
    rows = np.flatnonzero(alike.counts)
    place = np.zeros(len(paths), np.int64)
    place[rows] = np.arange(len(rows))
    some = [paths[row] for row in rows.tolist()]
    one = _of_length_1(features(some, mirrored=False))
    other = _of_length_1(features(some, mirrored=True)) if pictures.mirrored else one
    confirmed = likeness_of(replace(pictures, features=Features(place, one, other)))
    return confirmed, FeatureCheck(n_pairs, n_pairs - int(confirmed.counts.sum()) // 2)


def _of_length_1(features: np.ndarray) -> np.ndarray:
    values = features.astype(np.float32)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
    return values


def _without_the_near(mirrored: Twins, near: Twins) -> Twins:
    """Leave out what looks the same in the mirror: it is told once, as near."""
    together = {image.name: rank for rank, group in enumerate(near.groups) for image in group}

    def apart(groups: Iterable[Group]) -> tuple[Group, ...]:
        return tuple(
            group for group in groups if len({together.get(image.name, image.name) for image in group}) > 1
        )

    return Twins(apart(mirrored.groups), apart(mirrored.links))


def _with_copies(found: Parted, copies: Sequence[Sequence[LabelledImage]]) -> Twins:
    def of(rows: Iterable[int]) -> Group:
        return tuple(image for row in rows for image in copies[row])

    return Twins(tuple(map(of, found.groups)), tuple(map(of, found.links)))


def _by_content(images: Sequence[LabelledImage], seen: Mapping[str, Seen]) -> dict[str, list[LabelledImage]]:
    groups: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        groups[seen[image.name].facts.sha256].append(image)
    return groups
