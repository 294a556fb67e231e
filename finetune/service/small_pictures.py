"""Small JPEGs of images that nobody vouches for, made where they are decoded anyway."""

from __future__ import annotations

from pathlib import Path

from finetune.data.images import load_rgb
from finetune.errors import ImageError

SIDE_PX = 240
"""The longer side at most: twice what is shown, for dense screens."""


def write_picture(image: Path, target: Path) -> bool:
    """Write a small JPEG of ``image``; return whether it could be read. Raises OSError where there is no room."""
    try:
        picture = load_rgb(image)
    except ImageError:
        return False
    picture.thumbnail((SIDE_PX, SIDE_PX))
    picture.save(target, "JPEG", quality=80)
    return True
