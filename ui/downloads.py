"""What the page hands out as files: classifiers, the health report, what jobs on the images have made.

The service finds a project for its owner alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from finetune.service.data_jobs import Kind
from finetune.service.data_work import CLEANED, SHEET, SUSPECTS, TABLE
from finetune.service.packing import zip_bundle
from finetune.service.projects import numbered
from finetune.service.service import Service
from ui.data_pictures import add_pictures
from ui.log_download import add_log
from ui.run_addresses import add_run_addresses
from ui.view import channels_of_backbone
from ui.web.health_report import report_html

if TYPE_CHECKING:
    from fastapi import APIRouter
    from fastapi.responses import FileResponse, HTMLResponse

    from finetune.service.projects import Project


def add_downloads(app: APIRouter, service: Service) -> None:
    """Add the addresses of all downloads to ``app``, whose dependency says who asks."""
    from fastapi import HTTPException
    from fastapi.responses import FileResponse, HTMLResponse

    @app.get("/bundle/{project_id}/{number}")
    def bundle(project_id: str, number: str) -> FileResponse:
        """Send the bundle of a project's training as a zip."""
        project = service.find(project_id)
        found = [] if project is None else [each for each in project.trainings if each.job.name == number]
        if not found or not (found[0].run / "bundle").is_dir():
            raise HTTPException(404, "no such classifier")
        name = f"{found[0].run.name}-bundle.zip"
        return FileResponse(zip_bundle(found[0].run / "bundle", found[0].job / name), filename=name)

    @app.get("/run/{project_id}/{number}")
    def run(project_id: str, number: str) -> FileResponse:
        """Send the report of a project's training as one HTML file."""
        project = service.find(project_id)
        found = [] if project is None else [each for each in project.trainings if each.job.name == number]
        if not found or not (found[0].run / "report.html").is_file():
            raise HTTPException(404, "no such report")
        return FileResponse(found[0].run / "report.html", filename=f"{found[0].run.name}-report.html")

    _add_files_of_jobs(app, service)
    add_run_addresses(app, service)
    add_pictures(app, service)
    add_log(app, service)

    @app.get("/report/{project_id}")
    def report(project_id: str) -> HTMLResponse:
        """Send the health report of a project's images as one HTML file."""
        project = service.find(project_id)
        page = health_page(project) if project is not None else ""
        if project is None or not page:
            raise HTTPException(404, "no such report")
        name = quote(f"{Path(project.name).stem}-health.html")
        return HTMLResponse(page, headers={"content-disposition": f"attachment; filename*=utf-8''{name}"})


def _add_files_of_jobs(app: APIRouter, service: Service) -> None:
    """Add the list of wrong labels, the cleaned copy and the preview of an augmentation, by the job's number."""
    from fastapi import HTTPException
    from fastapi.responses import FileResponse

    def found(project_id: str, kind: Kind, number: str, file: str) -> tuple[Path, str]:
        """Return the file of a job and the stem of the data's name."""
        project = service.find(project_id)
        jobs = [] if project is None else numbered(project.folder / kind)
        paths = [job / file for job in jobs if job.name == number and (job / file).is_file()]
        if project is None or not paths:
            raise HTTPException(404, "no such file")
        return paths[0], Path(project.name).stem

    @app.get("/suspects/{project_id}/{number}")
    def suspects(project_id: str, number: str) -> FileResponse:
        """Send a list of wrong labels."""
        path, stem = found(project_id, "suspects", number, f"{SUSPECTS}/{TABLE}")
        return FileResponse(path, filename=f"{stem}-suspects.csv")

    @app.get("/clean/{project_id}/{number}")
    def cleaned(project_id: str, number: str) -> FileResponse:
        """Send a cleaned copy."""
        path, stem = found(project_id, "clean", number, CLEANED)
        return FileResponse(path, filename=f"{stem}-cleaned.zip")

    @app.get("/preview/{project_id}/{number}")
    def preview(project_id: str, number: str) -> FileResponse:
        """Show what an augmentation does."""
        return FileResponse(found(project_id, "preview", number, SHEET)[0])


def health_page(project: Project) -> str:
    """Return the page that `finetune inspect --html` writes, empty until the images have been checked."""
    findings = project.findings
    if "health" not in findings:
        return ""
    backbone = channels_of_backbone(findings)
    return report_html(
        project.name,
        findings["health"] | ({} if backbone is None else {"backbone": backbone}),
        thumbnails=findings["thumbnails"],
        pictures=findings.get("pictures"),
    )
