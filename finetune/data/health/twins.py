"""Groups of images that are the same file, show the same picture, or show one another's mirror image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from finetune.data.health.index import ImageIndex, Seen
from finetune.data.health.likeness import likeness_of
from finetune.data.health.near import LEAST_CONTRAST, Pictures
from finetune.data.health.stars import Parted, parted
from finetune.data.health.thumbs import Thumbs
from finetune.data.sources import LabelledImage

Group = tuple[LabelledImage, ...]


class Twins(NamedTuple):
    """Groups of images that are each alike the group's first, and pairs (with their copies) alike across groups."""

    groups: tuple[Group, ...] = ()
    links: tuple[Group, ...] = ()


def exact_twins(images: Sequence[LabelledImage], seen: Mapping[str, Seen]) -> tuple[Group, ...]:
    """Return the groups of two or more images that are the same, byte for byte."""
    return tuple(tuple(group) for group in _by_content(images, seen).values() if len(group) > 1)


def near_twins(
    images: Sequence[LabelledImage], seen: Mapping[str, Seen], index: ImageIndex
) -> tuple[Twins, Twins]:
    """Return the images that show the same picture, and those that show one another's mirror image.

    ``seen`` is by name, ``index`` has the thumbnails. A picture of a group brings its exact twins along; exact twins
    alone are no group here.
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
    thumbs = Thumbs(first, index)
    near, mirrored_twins = (
        _with_copies(parted(likeness_of(pictures)), copies)
        for pictures in (
            Pictures(hashes, hashes, thumbs.of),
            Pictures(hashes, mirrored, thumbs.of, mirrored=True),
        )
    )
    together = {image.name: rank for rank, group in enumerate(near.groups) for image in group}

    def apart(groups: Iterable[Group]) -> tuple[Group, ...]:
        """Leave out what looks the same in the mirror: it is told once, as near."""
        return tuple(
            group for group in groups if len({together.get(image.name, image.name) for image in group}) > 1
        )

    return near, Twins(apart(mirrored_twins.groups), apart(mirrored_twins.links))


def _with_copies(found: Parted, copies: Sequence[Sequence[LabelledImage]]) -> Twins:
    def of(rows: Iterable[int]) -> Group:
        return tuple(image for row in rows for image in copies[row])

    return Twins(tuple(map(of, found.groups)), tuple(map(of, found.links)))


def _by_content(images: Sequence[LabelledImage], seen: Mapping[str, Seen]) -> dict[str, list[LabelledImage]]:
    groups: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        groups[seen[image.name].facts.sha256].append(image)
    return groups
