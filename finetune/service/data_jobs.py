"""Jobs on a project's images besides its analysis and trainings: each kind numbered in a folder of its own.

``PROJECT/<kind>/<n>/`` are job folders, the newest with the highest number. A kind runs once at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from finetune.errors import RunError
from finetune.service.engine.queueing import cancel_in, queue_job
from finetune.service.engine.store import JobStore
from finetune.service.jobs import read_job
from finetune.service.projects import Project, numbered
from finetune.service.result import RESULT, read_result
from finetune.service.status import Status

Kind = Literal["suspects", "clean", "preview", "backbones", "trial", "export"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WORDS: Mapping[Kind, str] = {
    "suspects": "looking for wrong labels",
    "clean": "writing a cleaned copy",
    "preview": "drawing a preview",
    "export": "writing an ONNX file",
    "backbones": "comparing backbones",
    "trial": "classifying",
}
_starting = threading.Lock()


@dataclass(frozen=True)
class DataJob:
    """One such job by its folder."""

    folder: Path

    @property
    def number(self) -> str:
        """Return its number among those of its kind."""
        return self.folder.name

    @property
    def status(self) -> Status | None:
        """Return where it is."""
        return read_job(self.folder)

    @property
    def is_running(self) -> bool:
        """Whether more is to come."""
        status = self.status
        return status is not None and not status.has_ended

    @property
    def result(self) -> dict[str, Any]:
        """Return what came out, which is the last thing that it writes; empty until then."""
        return read_result(self.folder / RESULT)


def newest_job(project: Project, kind: Kind) -> DataJob | None:
    """Return the newest job of this kind, or None before the first."""
    folders = numbered(project.folder / kind)
    return DataJob(folders[-1]) if folders else None


def start_data_job(project: Project, store: JobStore, kind: Kind, request: Mapping[str, Any]) -> DataJob:
    """Have ``store`` do a job of this kind on the project's images; raises RunError while one is at work."""
    with _starting:
        newest = newest_job(project, kind)
        if newest is not None and newest.is_running:
            raise RunError(f"{project.name}: still {WORDS[kind]}; wait for it, or stop it")
        number = 1 if newest is None else int(newest.number) + 1
        folder = project.folder / kind / str(number)
        queue_job(store, folder, {"kind": kind, "data": str(project.data), **request}, title=project.name)
    return DataJob(folder)


def stop_data_jobs(project: Project, store: JobStore, *kinds: Kind) -> None:
    """Ask those jobs of these kinds that run or wait to stop."""
    for kind in kinds:
        newest = newest_job(project, kind)
        if newest is not None and newest.is_running:
            cancel_in(store, newest.folder)
