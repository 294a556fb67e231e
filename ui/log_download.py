"""The log of a project's training as a download."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from finetune.service.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter
    from fastapi.responses import PlainTextResponse


def add_log(app: APIRouter, service: Service) -> None:
    """Add the address of a training's log to ``app``; a project's id in it is its key."""
    from fastapi import HTTPException
    from fastapi.responses import PlainTextResponse

    @app.get("/log/{project_id}/{number}")
    def log(project_id: str, number: str) -> PlainTextResponse:
        """Send all that a training has said so far, without paths of this computer."""
        project = service.find(project_id)
        found = [] if project is None else [each for each in project.trainings if each.job.name == number]
        if project is None or not found or not (found[0].run / "log.txt").is_file():
            raise HTTPException(404, "no such log")
        run = found[0].run
        text = (run / "log.txt").read_text(encoding="utf-8", errors="replace")
        name = quote(f"{run.name}-log.txt")
        headers = {"content-disposition": f"attachment; filename*=utf-8''{name}"}
        return PlainTextResponse(project.readable(text).replace(f"{run.parent}/", ""), headers=headers)
