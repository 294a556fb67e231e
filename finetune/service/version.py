"""Write what a look sees where images were added: a manifest, and beside it links to every image."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from finetune.data.labelled import LabelledImage
from finetune.data.layout import SplitName
from finetune.data.sources import open_source
from finetune.progress import Reporter
from finetune.service.additions import FOLDER, labels_in

COLUMNS = ("path", "label", "split", "group")


def write_version(target: Path, *, brought: str, added: Path, offline: bool, reporter: Reporter) -> None:
    """Write the manifest ``target`` on the images of ``brought``, empty for none, and those of the folder ``added``.

    Each keeps its name; an added one is called ``added/<name>``, and trains where there are splits. What is there
    already is left as it is. Raises DataError and others of `open_source` for ``brought``.
    """
    if target.is_file():
        return
    unfinished = target.parent.with_name(f"{target.parent.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    images = list(_images(brought, added, offline=offline, reporter=reporter))
    with reporter.track("putting the images together") as advance:
        for done, image in enumerate(images, start=1):
            _link(image.path, unfinished / image.name)
            writer.writerow((image.name, image.label, image.split or "", image.group or ""))
            advance(done, len(images))
    (unfinished / target.name).write_text(stream.getvalue(), encoding="utf-8")
    shutil.rmtree(target.parent, ignore_errors=True)
    unfinished.rename(target.parent)


def _images(brought: str, added: Path, *, offline: bool, reporter: Reporter) -> Iterator[LabelledImage]:
    source = open_source(brought, least_classes=1, offline=offline, track=reporter.track) if brought else None
    taken = set()
    for number, image in enumerate(() if source is None else source.images):
        parts = PurePosixPath(image.name).parts
        is_inside = bool(parts) and ".." not in parts and not image.name.startswith(("/", f"{FOLDER}/"))
        name = image.name if is_inside and image.name not in taken else f"brought/{number}-{image.path.name}"
        taken.add(name)
        yield LabelledImage(image.path, name, image.label, image.split, image.group)
    for name, label in labels_in(added).items():
        split: SplitName | None = "train" if source is not None and source.split_folders else None
        yield LabelledImage(added / name, f"{FOLDER}/{name}", label, split)


def _link(image: Path, target: Path) -> None:
    """Let ``target`` be the file ``image``, however long that stays where it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(image.resolve(), target)
    except OSError:  # another disk, or one that cannot link
        if image.is_file():  # what is missing stays missing, and the check of all images names it
            shutil.copyfile(image, target)
