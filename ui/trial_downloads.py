"""What the tab Test shows and hands out by address: pictures of images, and the file of many answers.

Whoever has no key finds nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from finetune.service.data_jobs import DataJob
from finetune.service.held_out import read_held_out
from finetune.service.projects import Project, numbered
from finetune.service.service import Service
from finetune.service.trials import KIND, read_trial, trial_table

if TYPE_CHECKING:
    from fastapi import APIRouter
    from fastapi.responses import FileResponse


def add_trial_downloads(app: APIRouter, service: Service) -> None:
    """Add the addresses to ``app``, whose dependency says who asks."""
    from fastapi import HTTPException
    from fastapi.responses import FileResponse

    def sent(path: Path | None, name: str | None = None) -> FileResponse:
        if path is None or not path.is_file():
            raise HTTPException(404, "no such file")
        return FileResponse(path, filename=name)

    @app.get("/held-out/{project_id}/{job}/{number}")
    def held_out(project_id: str, job: str, number: int) -> FileResponse:
        """Show a held-out image of a training, small."""
        trainings = _trainings(service.find(project_id), job)
        images = read_held_out(trainings[0]) if trainings else ()
        return sent(images[number].picture if 0 <= number < len(images) else None)

    @app.get("/asked/{project_id}/{job}/{number}")
    def asked(project_id: str, job: str, number: int) -> FileResponse:
        """Show one of many images that were asked about, small."""
        project, trial = _trial(service.find(project_id), job)
        found = read_trial(project, trial) if project is not None and trial is not None else None
        shown = found.shown if found is not None else ()
        return sent(shown[number].picture if 0 <= number < len(shown) else None)

    @app.get("/answers/{project_id}/{job}")
    def answers(project_id: str, job: str) -> FileResponse:
        """Send the answers to many images as a CSV."""
        project, trial = _trial(service.find(project_id), job)
        if project is None or trial is None:
            return sent(None)
        return sent(trial_table(trial), f"{Path(project.name).stem}-answers.csv")


def _trainings(project: Project | None, number: str) -> list[Path]:
    return [] if project is None else [each.job for each in project.trainings if each.job.name == number]


def _trial(project: Project | None, number: str) -> tuple[Project | None, DataJob | None]:
    jobs = [] if project is None else numbered(project.folder / KIND)
    return project, next((DataJob(job) for job in jobs if job.name == number), None)
