"""Groups of images that are the same file, show the same picture, or show one another's mirror image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from finetune.data.health.index import ImageIndex, Seen
from finetune.data.health.look import THUMB_PX
from finetune.data.health.near import LEAST_CONTRAST, close_pairs, grouped, same_picture
from finetune.data.sources import LabelledImage

Group = tuple[LabelledImage, ...]


def exact_twins(images: Sequence[LabelledImage], seen: Mapping[str, Seen]) -> tuple[Group, ...]:
    """Return the groups of two or more images that are the same, byte for byte."""
    return tuple(tuple(group) for group in _by_content(images, seen).values() if len(group) > 1)


def near_twins(
    images: Sequence[LabelledImage],
    seen: Mapping[str, Seen],
    index: ImageIndex,
    *,
    features: Mapping[str, np.ndarray] | None = None,
) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Return the groups that show the same picture, and those that show one another's mirror image.

    ``seen`` is by name, ``index`` has the thumbnails; ``features`` by name confirm what they show where given
    for every image. A picture of a group brings its exact twins along; exact twins alone are no group here.
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
    known = None if features is None else np.stack([features[image.name] for image in first])
    candidates = {False: close_pairs(hashes, hashes), True: close_pairs(hashes, mirrored)}
    thumbs = _thumbs(first, candidates.values(), index)
    found = []
    for turned, pairs in candidates.items():
        groups = grouped(same_picture(pairs, thumbs, mirrored=turned, features=known).tolist())
        found.append(tuple(tuple(image for row in rows for image in copies[row]) for rows in groups))
    near, turned_round = found
    together = {image.name: rank for rank, group in enumerate(near) for image in group}
    # What looks the same in the mirror is told once, as near.
    apart = (
        group for group in turned_round if len({together.get(image.name, image.name) for image in group}) > 1
    )
    return near, tuple(apart)


def _by_content(images: Sequence[LabelledImage], seen: Mapping[str, Seen]) -> dict[str, list[LabelledImage]]:
    groups: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for image in images:
        groups[seen[image.name].facts.sha256].append(image)
    return groups


def _thumbs(images: Sequence[LabelledImage], pairs: Iterable[np.ndarray], index: ImageIndex) -> np.ndarray:
    """Return n x side x side grey values; those that no pair asks for are zero."""
    thumbs = np.zeros((len(images), THUMB_PX, THUMB_PX), np.uint8)
    rows = np.unique(np.concatenate([np.ravel(part) for part in pairs]))
    found = index.thumbs([str(images[row].path) for row in rows])
    for row in rows:
        content = found.get(str(images[row].path))
        if content is not None:
            thumbs[row] = np.frombuffer(content, np.uint8).reshape(THUMB_PX, THUMB_PX)
    return thumbs
