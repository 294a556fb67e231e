"""Small pictures of a set, as data URIs: a few of each class, and what the findings are about."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from finetune.data.health.report import HealthReport
from finetune.data.images import load_rgb
from finetune.data.sources import LabelledImage
from finetune.errors import ImageError

THUMBNAIL_PX = 96
"""Side at which they are shown; they hold twice as many pixels, for dense screens."""

MOST_THUMBNAILS = 24
MOST_EACH = 4

MOST_GROUPS = 5
"""Examples of a finding that get pictures, at most `MOST_EACH` images of each..."""

MOST_PICTURES = 100
"""...and pictures in all: a page of them stays below a megabyte or two."""


def class_thumbnails(images: Iterable[LabelledImage]) -> list[dict[str, str]]:
    """Return a few images of each class as ``label`` and ``source``, classes in turn; none that has gone."""
    by_class: dict[str, list[LabelledImage]] = {}
    for image in images:
        by_class.setdefault(image.label, []).append(image)
    each = max(1, min(MOST_EACH, MOST_THUMBNAILS // max(1, len(by_class))))
    chosen = [image for members in by_class.values() for image in _spread(members, each)]
    pictures = [(image.label, _picture(image.path)) for image in chosen[:MOST_THUMBNAILS]]
    return [{"label": label, "source": picture} for label, picture in pictures if picture is not None]


def _spread(images: Sequence[LabelledImage], most: int) -> list[LabelledImage]:
    """Return at most ``most`` of ``images``, from the first on in equal steps."""
    n = min(most, len(images))
    return [images[rank * len(images) // n] for rank in range(n)]


def finding_thumbnails(health: HealthReport) -> dict[str, str]:
    """Return pictures of the images that the findings name, by image name, the most serious findings first."""
    names = [
        name
        for finding in health.findings
        for group in finding.images[:MOST_GROUPS]
        for name in group[:MOST_EACH]
    ]
    paths = {image.name: image.path for image in health.images}
    pictures: dict[str, str] = {}
    for name in dict.fromkeys(names):
        if len(pictures) < MOST_PICTURES and name in paths and (picture := _picture(paths[name])) is not None:
            pictures[name] = picture
    return pictures


def _picture(path: Path) -> str | None:
    """Return the `data_uri` of an image; None where it has gone since it was looked at."""
    try:
        return data_uri(path)
    except ImageError:
        return None


def data_uri(path: Path) -> str:
    """Return the image ``path`` as a small JPEG in a data URI; raises ImageError."""
    image = load_rgb(path)
    image.thumbnail((2 * THUMBNAIL_PX, 2 * THUMBNAIL_PX))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
