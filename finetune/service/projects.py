"""A project: one data set in the page, its analysis, and its trainings, all as folders on disk.

``HOME/<id>/`` holds ``project.json``, ``data/`` (an uploaded zip or a sample set), the looks at it
(`finetune.service.looks`) and ``trainings/<n>/`` (job folders, the newest with the highest number). The runs
themselves lie beside those of the command line. A project has one owner; where nobody signs in,
all belong to the owner "".
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from finetune.data.samples import SAMPLES
from finetune.errors import OptionError, RunError
from finetune.service.engine.going_on import DISCARD
from finetune.service.engine.queueing import queue_job
from finetune.service.engine.store import JobStore
from finetune.service.jobs import read_job
from finetune.service.looks import FIRST, look_folder, look_numbers, valid_look, version
from finetune.service.result import RESULT, read_result, write_result
from finetune.service.status import Status
from finetune.training.run_folder import claim_next_folder

_ID = re.compile(r"[0-9a-f]{32}")
_VERSION = re.compile(r"\bversions/[0-9]+/")
_UNSAFE = re.compile(r"[^\w.() -]+")
LONGEST_NAME = 80
PROJECT = "project.json"
_starting = threading.Lock()


@dataclass(frozen=True)
class Training:
    """One training of a project: its job folder, its run folder, and what was asked."""

    job: Path
    run: Path
    strategy: str

    @property
    def number(self) -> str:
        """Return its number among those of its project."""
        return self.job.name

    @property
    def status(self) -> Status | None:
        """Return where it is."""
        return read_job(self.job)

    @property
    def is_running(self) -> bool:
        """Whether more is to come: a process that has said its last word may take a moment to leave."""
        status = self.status
        return status is not None and not status.has_ended

    @property
    def is_discarded(self) -> bool:
        """Whether it was stopped for good and what it had was, or is to be, deleted."""
        return (self.job / DISCARD).exists() and not (self.run / "report.json").exists()

    @property
    def report(self) -> dict[str, Any]:
        """Return the finished run's report; empty until then."""
        return read_result(self.run / "report.json")


@dataclass(frozen=True)
class Project:
    """One data set in the page. ``name`` is the user's, ``data`` where it lies, ``sample`` its name if it is one.

    ``created`` is in UTC, ISO 8601 to the microsecond.
    ``look`` is the number of the look that holds, at ``data``. ``is_made``: of images one by one, in the page.
    """

    folder: Path
    name: str
    data: Path
    sample: str
    owner: str = ""
    created: str = ""
    look: int = FIRST
    is_made: bool = False

    @property
    def id(self) -> str:
        """Return the id that a browser keeps: 32 hex digits that nobody can guess."""
        return self.folder.name

    @property
    def analysis(self) -> Path:
        """Return the job folder of the analysis that holds."""
        return look_folder(self.folder, self.look)

    @property
    def looking_again(self) -> Path | None:
        """Return the job folder of a later analysis, which has not come to its end; None without one."""
        newest = max(look_numbers(self.folder), default=self.look)
        return look_folder(self.folder, newest) if newest > self.look else None

    @property
    def brought(self) -> Path:
        """Return where the data lies that was brought, without what was added here."""
        return _data_of(self.folder, self.name)

    @property
    def findings(self) -> dict[str, Any]:
        """Return what the analysis has found so far, with the user's own name for the data."""
        then = read_result(self.analysis / "request.json").get("data", "")  # where it lay then
        return read_result(self.analysis / RESULT, {then: self.data.name, str(self.data): self.data.name})

    @property
    def trainings(self) -> list[Training]:
        """Return the trainings, oldest first."""
        found = []
        for job in numbered(self.folder / "trainings"):
            request = read_result(job / "request.json")
            if request:
                run = self._run(Path(request["out"]))
                found.append(Training(job, run, request["recipe"]["strategy"]))
        return found

    def _run(self, asked: Path) -> Path:
        """Return where a run lies; all may have been copied elsewhere since it was asked for."""
        beside = self.folder.resolve().parent.parent / asked.name
        return beside if beside.is_dir() else asked

    def readable(self, text: str) -> str:
        """Return ``text`` with the user's own name for the data, and no path to what else lies in the project."""
        inside = text.replace(str(self.data), self.data.name).replace(f"{self.folder}{os.sep}", "")
        return _VERSION.sub("", inside)


def numbered(folder: Path) -> list[Path]:
    """Return the job folders in ``folder``, oldest first; none where there is no such folder."""
    found = [path for path in folder.glob("*") if path.name.isdigit()]
    return sorted(found, key=lambda path: int(path.name))


def new_project(
    home: Path, *, upload: Path | None = None, sample: str = "", made: str = "", owner: str = ""
) -> Project:
    """Make a project of ``owner``: of an uploaded file, which is moved into it, of a sample set, or an empty one.

    The last is called ``made``.

    Raises OptionError for an unknown sample set.
    """
    if sample and sample not in SAMPLES:
        raise OptionError(f"no sample set is called '{sample}'; choose from {', '.join(SAMPLES)}")
    folder = home / secrets.token_hex(16)
    name = sample or safe_name(made if upload is None else upload.name)
    data = _data_of(folder, name)
    data.parent.mkdir(parents=True)
    if upload is not None:
        shutil.move(upload, data)
    created = _iso(time.time())
    fields = {
        "name": name,
        "data": str(data),
        "sample": sample,
        "made": bool(made),
        "owner": owner,
        "created": created,
    }
    write_result(folder / PROJECT, fields)
    return Project(folder, name, data, sample, owner, created, is_made=bool(made))


def _data_of(folder: Path, name: str) -> Path:
    return (folder / "data" / name).resolve()


def safe_name(name: str) -> str:
    """Return an uploaded file's name without what could lead anywhere else."""
    path = Path(Path(name.replace("\\", "/")).name)
    ending = _UNSAFE.sub("", path.suffix)[:10]
    return (_UNSAFE.sub("-", path.stem)[:LONGEST_NAME].strip(" .-") or "images") + ending


def find_project(home: Path, project_id: str) -> Project | None:
    """Return the project with this id, or None when there is none (any more)."""
    if not _ID.fullmatch(project_id or ""):
        return None
    return _read(home / project_id)


def list_projects(home: Path, owner: str) -> list[Project]:
    """Return the projects of ``owner``, the newest first."""
    found = [project for folder in home.iterdir() if (project := find_project(home, folder.name))]
    own = [project for project in found if project.owner == owner]
    return sorted(own, key=lambda project: (project.created, project.id), reverse=True)


def _read(folder: Path) -> Project | None:
    fields = read_result(folder / PROJECT)
    if not fields:
        return None
    name, look = fields["name"], valid_look(folder)
    seen = version(folder, look, Path(name).stem)
    return Project(
        folder,
        name,
        seen if seen.is_file() else _data_of(folder, name),
        fields["sample"],
        fields.get("owner", ""),
        fields.get("created") or _written(folder / PROJECT),
        look,
        fields.get("made", False),
    )


def _written(path: Path) -> str:
    """Return when a file was written: earlier versions kept no other time of a project."""
    try:
        return _iso(path.stat().st_mtime)
    except OSError:
        return ""


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def start_analysis(
    project: Project,
    store: JobStore,
    *,
    backbone: str,
    offline: bool,
    number: int = FIRST,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Have ``store`` look at the project's images; ``more`` are further arguments, for what was done by hand."""
    request = {
        "kind": "analyse",
        "data": str(project.brought),
        "sample": project.sample,
        "backbone": backbone,
        "offline": offline,
        **more,
    }
    queue_job(store, look_folder(project.folder, number), request, title=project.name)


def start_training(
    project: Project,
    store: JobStore,
    *,
    root: Path,
    recipe: Mapping[str, Any],
    offline: bool,
    resume: Path | None = None,
) -> Training:
    """Have ``store`` train by ``recipe`` (its strategy by name) in a new run folder below ``root``.

    ``resume`` continues the run in that folder instead. Trainings wait for each other. A project trains once
    at a time: while one runs or waits, RunError says so, and nothing is queued.
    """
    with _starting:
        earlier = project.trainings
        if earlier and earlier[-1].is_running:
            raise RunError(f"{project.name} is training already; wait for it or cancel it")
        run = resume or claim_next_folder(str(project.data), recipe["strategy"], root).path
        request = {
            "kind": "fit",
            "data": str(project.data if resume is None else data_of_run(project, resume)),
            "recipe": dict(recipe),
            "out": str(run.resolve()),
            "offline": offline,
            "resume": resume is not None,
            "held_out": True,
        }
        given = numbered(project.folder / "trainings")  # those that were deleted included
        number = int(given[-1].name) + 1 if given else 1
        job = project.folder / "trainings" / str(number)
        queue_job(store, job, request, title=f"{project.name}, {recipe['strategy']}")
    return Training(job, run.resolve(), recipe["strategy"])


def data_of_run(project: Project, run: Path) -> Path:
    """Return what the run was begun with: the project may have been looked at again since, or copied elsewhere."""
    for training in project.trainings:
        asked = Path(read_result(training.job / "request.json").get("data", ""))
        if training.run == run and project.id in asked.parts:
            return project.folder.resolve().joinpath(*asked.parts[asked.parts.index(project.id) + 1 :])
    return project.data
