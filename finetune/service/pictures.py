"""Pictures of the images that findings are about, large enough to judge a label by, as files of a look's folder."""

from __future__ import annotations

from pathlib import Path

from finetune.data.health import HealthReport
from finetune.data.health.thumbnails import MOST_EACH, MOST_GROUPS, MOST_PICTURES
from finetune.data.images import load_rgb
from finetune.errors import ImageError

PICTURES = "pictures"
LARGEST_PX = 640


def enlarge(health: HealthReport, folder: Path) -> dict[str, dict[str, str]]:
    """Write pictures of the images that the findings name into ``folder``, the most serious findings first.

    Returns by the image's name its ``file`` there, its ``label`` and its ``split``, empty where none is given.
    """
    folder.mkdir(exist_ok=True)
    images = {image.name: image for image in health.images}
    named = [
        name
        for finding in health.findings
        for group in finding.images[: 2 * MOST_GROUPS]
        for name in group[:MOST_EACH]
    ]
    found: dict[str, dict[str, str]] = {}
    for name in dict.fromkeys(named):
        image = images.get(name)
        if image is None or len(found) == MOST_PICTURES:
            continue
        try:
            picture = load_rgb(image.path)
        except ImageError:
            continue  # it has gone since it was looked at
        picture.thumbnail((LARGEST_PX, LARGEST_PX))
        file = f"{len(found)}.jpg"
        picture.save(folder / file, "JPEG", quality=85)
        found[name] = {"file": file, "label": image.label, "split": image.split or ""}
    return found
