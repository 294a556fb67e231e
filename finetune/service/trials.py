"""Many images that a classifier is asked about at once in the page: where they lie, and what was said of them.

``PROJECT/asked/<token>/`` holds the images, ``PROJECT/trial/<n>/`` is the job (`finetune.service.data_jobs`) that
answers. Only the newest stays.
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune.errors import RunError
from finetune.service.answers_file import answers_file
from finetune.service.data_jobs import DataJob, Kind, newest_job, start_data_job
from finetune.service.engine.queueing import forget_in
from finetune.service.engine.store import JobStore
from finetune.service.projects import Project, numbered, safe_name
from finetune.service.result import read_result

ASKED, PICTURES = "asked", "pictures"
KIND: Kind = "trial"
FORMAT = "csv"
MOST_SHOWN = 120
"""Answers that are shown with a picture, in the file's order; the file has all."""
_TOKEN = re.compile(r"[0-9a-f]{16}")


_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Asked:
    """One image and what was said of it: ``label`` empty and ``error`` set where it cannot be read.

    ``known`` is None where the classifier cannot tell; ``picture`` is a small JPEG, None for an error.
    """

    image: Path
    name: str
    label: str
    probability: float
    known: bool | None
    error: str
    picture: Path | None


@dataclass(frozen=True)
class Trial:
    """What came of a job that has ended well: the first ``shown``, and in all how many of each label.

    ``n_unknown`` counts images that are none of the classes, ``n_errors`` those that cannot be read. ``model``
    names the classifier.
    """

    shown: tuple[Asked, ...]
    counts: Mapping[str, int]
    n_unknown: int
    n_errors: int
    model: str


def start_trial(
    project: Project, store: JobStore, *, bundle: Path, model: str, brought: Sequence[Path]
) -> DataJob:
    """Have ``store`` ask ``bundle`` about the files ``brought``, images and archives of them, which move.

    Raises RunError while earlier ones are asked about: the newest alone is kept.
    """
    with _one_at_a_time:
        return _start(project, store, bundle=bundle, model=model, brought=brought)


def _start(
    project: Project, store: JobStore, *, bundle: Path, model: str, brought: Sequence[Path]
) -> DataJob:
    newest = newest_job(project, KIND)
    if newest is not None and newest.is_running:
        raise RunError(f"{project.name}: still classifying; wait for it, or stop it")
    asked = project.folder / ASKED
    shutil.rmtree(asked, ignore_errors=True)
    images = asked / secrets.token_hex(8)
    images.mkdir(parents=True)
    for path in brought:
        shutil.move(path, free_name(images, safe_name(path.name)))
    request = {"data": str(images.resolve()), "bundle": str(bundle.resolve()), "model": model}
    job = start_data_job(project, store, KIND, request)
    for folder in numbered(project.folder / KIND):
        if folder != job.folder:
            forget_in(store, folder)
            shutil.rmtree(folder, ignore_errors=True)
    return job


def read_trial(project: Project, job: DataJob) -> Trial | None:
    """Return what came of ``job``; None until it has."""
    found = job.result
    request = read_result(job.folder / "request.json")
    token = Path(request.get("data", "")).name
    if not found or not _TOKEN.fullmatch(token):
        return None
    images = project.folder / ASKED / token
    shown = tuple(
        Asked(
            images / row["name"],
            row["name"],
            row["label"],
            row["probability"],
            row["known"],
            row["error"],
            None if row["error"] else job.folder / PICTURES / f"{number}.jpg",
        )
        for number, row in enumerate(found["shown"])
    )
    return Trial(shown, found["counts"], found["n_unknown"], found["errors"], request.get("model", ""))


def trial_table(job: DataJob) -> Path:
    """Return where the CSV of all answers of ``job`` lies."""
    return answers_file(job.folder, FORMAT)


def free_name(folder: Path, name: str) -> Path:
    """Return a path in ``folder`` where nothing lies: two images from two folders may have one name."""
    path, number = folder / name, 2
    while path.exists():
        path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        number += 1
    return path
