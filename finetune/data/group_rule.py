"""A rule on images' names that says which of them belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from finetune.data.labelled import LabelledImage
from finetune.errors import OptionError


def check_group_rule(rule: str) -> None:
    """Raise ValueError unless ``rule`` is a regular expression with a group, whose text names the group."""
    try:
        n_groups = re.compile(rule).groups
    except re.error as error:
        raise ValueError(f"--group-by {rule} is no regular expression: {error}; mend it") from None
    if not n_groups:
        raise ValueError(
            f"--group-by {rule} marks nothing; put brackets around what names a group, such as '(patient\\d+)_'"
        )


def grouped_by(images: Sequence[LabelledImage], rule: str) -> tuple[tuple[LabelledImage, ...], int]:
    """Return ``images`` with the group that ``rule``, searched for in an image's name, marks first.

    Also returns how many names the rule does not match; those images stand alone. Raises OptionError where no
    name matches, where all are one group, or where the images have groups of their own.
    """
    if any(image.group is not None for image in images):
        raise OptionError("--group-by has no effect on images that come with a group each; leave it out")
    pattern = re.compile(rule)
    found = [pattern.search(image.name) for image in images]
    named = [match and match.group(1) for match in found]
    groups = {name for name in named if name is not None}
    if len(groups) < 2:
        example = f", such as {images[0].name}" if images else ""
        what = "matches no image's name" if not groups else f"puts all images into one group '{groups.pop()}'"
        raise OptionError(f"--group-by {rule} {what}{example}; mend it, or leave it out")
    grouped = tuple(replace(image, group=name) for image, name in zip(images, named, strict=True))
    return grouped, named.count(None)
