"""Where the page's pictures of single images are. Whoever has no key finds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune.service.additions import added_images, small_picture
from finetune.service.service import Service
from ui.hands import picture_file

if TYPE_CHECKING:
    from fastapi import APIRouter
    from fastapi.responses import FileResponse

KEPT = {"cache-control": "private, max-age=86400"}
"""A picture never changes: each look has a folder of its own, and the number of an added image is given once."""


def add_pictures(app: APIRouter, service: Service) -> None:
    """Add the addresses of all pictures to ``app``."""
    from fastapi import HTTPException
    from fastapi.responses import FileResponse

    @app.get("/picture/{project_id}/{look}/{file}")
    def picture(project_id: str, look: str, file: str) -> FileResponse:
        """Show an image that a finding is about."""
        project = service.find(project_id)
        path = None if project is None else picture_file(project, look, file)
        if path is None:
            raise HTTPException(404, "no such picture")
        return FileResponse(path, headers=KEPT)

    @app.get("/added/{project_id}/{name}")
    def added(project_id: str, name: str) -> FileResponse:
        """Show an image that was added, small."""
        project = service.find(project_id)
        if project is None or name not in {image.name for image in added_images(project)}:
            raise HTTPException(404, "no such picture")
        return FileResponse(small_picture(project, name), media_type="image/jpeg", headers=KEPT)
