"""Delete what a user wants gone, from the disk: a run, or a data set with all that came of it.

What is deleted is gone at once for whoever looks, and an error says what could not be.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from finetune.data.kept_sets import remove_set, source_of
from finetune.data.unpacking import content_name, kept_set
from finetune.errors import ResourceError, RunError
from finetune.service.data_jobs import KINDS
from finetune.service.engine.queueing import forget_in
from finetune.service.engine.store import JobStore
from finetune.service.looks import look_folder, look_numbers
from finetune.service.projects import PROJECT, Project, Training, numbered
from finetune.service.result import read_result


def delete_run(project: Project, store: JobStore, training: Training) -> None:
    """Delete the run of ``training`` with its classifier, report and exports, and the jobs that made it.

    Raises RunError while it trains, ResourceError where something stays.
    """
    of_run = [each for each in project.trainings if each.run == training.run]
    if any(each.is_running for each in of_run):
        raise RunError(f"{training.run.name} is training; cancel it before you delete it")
    numbers = {each.number for each in of_run}
    exports = [
        job
        for job in numbered(project.folder / "export")
        if read_result(job / "request.json").get("training") in numbers
    ]
    for job in exports:
        forget_in(store, job)
    _remove_run(project, training.run)
    for job in (*exports, *(each.job for each in of_run)):
        forget_in(store, job)
        _remove(job)
    for training in of_run:
        training.job.mkdir()  # its number is not given again: addresses with it must not lead to another run


def delete_project(project: Project, store: JobStore) -> None:
    """Delete the project's images, the copy of them that was unpacked, its analysis, and its runs.

    Raises RunError while it trains, ResourceError where something stays.
    """
    trainings = project.trainings
    if any(training.is_running for training in trainings):
        raise RunError(f"{project.name} is training; cancel it before you delete it")
    jobs = [job for kind in KINDS for job in numbered(project.folder / kind)]
    looks = [look_folder(project.folder, number) for number in look_numbers(project.folder)]
    for job in (*looks, *jobs, *(training.job for training in trainings)):
        forget_in(store, job)
    for run in {training.run for training in trainings}:
        _remove_run(project, run)
    _remove_unpacked(project)
    # First what makes it a project: half of one is none.
    (project.folder / PROJECT).unlink(missing_ok=True)
    _remove(project.folder)


def _remove_run(project: Project, run: Path) -> None:
    if run.parent == project.folder.resolve().parent.parent:  # never anything that lies elsewhere
        _remove(run)


def _remove(folder: Path) -> None:
    """Delete a folder with all in it; it vanishes first, so that nobody finds half of it."""
    if not folder.is_dir():
        return
    gone = folder.with_name(f".{folder.name}.deleted")
    shutil.rmtree(gone, ignore_errors=True)
    try:
        folder.rename(gone)
        shutil.rmtree(gone)
    except OSError as error:
        why = error.strerror or str(error)
        raise ResourceError(
            f"cannot delete {folder.name} ({why}); close what uses it, and try again"
        ) from None


def _remove_unpacked(project: Project) -> None:
    """Delete what the project's archive was unpacked to, unless somebody else's is the same or uses it."""
    data = project.brought
    if not data.is_file():
        return
    others = [path for path in project.folder.parent.glob("*/data/*") if path != data and path.is_file()]
    if any(path.stat().st_size == data.stat().st_size for path in others):
        return
    unpacked = kept_set(content_name(data))
    # Who has unpacked the same archive last, from elsewhere, is still to use it.
    if Path(source_of(unpacked)).is_relative_to(project.folder.resolve().parent):
        remove_set(unpacked)
