"""Images that were put into a project one by one: files of its own, beside the data that was brought.

``PROJECT/added/<name>`` are the images, ``small/<name>.jpg`` what they look like, and ``labels.json`` the class of
each. They are part of the data set once it is looked at again.
"""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from finetune.data.images import IMAGE_SUFFIXES
from finetune.data.layout import nfc
from finetune.errors import DataError, OptionError
from finetune.service.projects import Project
from finetune.service.result import read_result, write_result

FOLDER, LABELS, SMALL = "added", "labels.json", "small"
LONGEST_CLASS = 80
MOST = 5000
"""Images a project; more come better as a zip."""
_changing = threading.Lock()


@dataclass(frozen=True)
class Added:
    """One image by the ``name`` of its file, a number with an ending."""

    name: str
    label: str


def added_images(project: Project) -> list[Added]:
    """Return what was added, oldest first."""
    return [Added(name, label) for name, label in labels_in(project.folder / FOLDER).items()]


def labels_in(folder: Path) -> dict[str, str]:
    """Return the class of each image in the folder of added ones, by name."""
    return dict(read_result(folder / LABELS).get("images", {}))


def add_image(project: Project, image: Path, label: str, small: bytes) -> Added:
    """Copy the file ``image``, which looks like the JPEG ``small``, into ``project`` as one of the class ``label``.

    Raises OptionError for a class's name that cannot be, and DataError for a project with too many images already.
    """
    label = class_name(label)
    folder = project.folder / FOLDER
    (folder / SMALL).mkdir(parents=True, exist_ok=True)
    suffix = image.suffix.lower()
    with _changing:
        kept = read_result(folder / LABELS)
        labels, number = kept.get("images", {}), kept.get("next", 1)
        if len(labels) >= MOST:
            raise DataError(
                f"{project.name} has {MOST:,} images that were added one by one; bring more as a zip"
            )
        name = f"{number:06d}{suffix if suffix in IMAGE_SUFFIXES else '.png'}"
        shutil.copyfile(image, folder / name)
        small_picture(project, name).write_bytes(small)
        write_result(folder / LABELS, {"next": number + 1, "images": {**labels, name: label}})
    return Added(name, label)


def remove_image(project: Project, name: str) -> None:
    """Take an image out again; nothing where there is none of this name. Its number is not given again."""
    folder = project.folder / FOLDER
    with _changing:
        kept = read_result(folder / LABELS)
        labels = kept.get("images", {})
        if name not in labels:
            return
        rest = {each: label for each, label in labels.items() if each != name}
        write_result(folder / LABELS, {**kept, "images": rest})
        (folder / name).unlink(missing_ok=True)
        small_picture(project, name).unlink(missing_ok=True)


def small_picture(project: Project, name: str) -> Path:
    """Return where the small picture of an added image lies."""
    return project.folder / FOLDER / SMALL / f"{name}.jpg"


def class_name(text: str) -> str:
    """Return ``text`` as a class's name; raises OptionError for one that cannot be."""
    name = nfc(" ".join(text.split()))
    if not name:
        raise OptionError("the image needs a class; write its name first")
    if len(name) > LONGEST_CLASS or not name.isprintable() or name.startswith("."):
        raise OptionError(
            f"'{name[:20]}' cannot be a class's name; write up to {LONGEST_CLASS} letters, and no dot before them"
        )
    return name
