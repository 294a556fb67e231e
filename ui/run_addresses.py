"""Addresses of a project's runs: images that judged one, its ONNX files and card, and the classifier to be asked.

Whoever has no key finds nothing.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response

from finetune.errors import FinetuneError
from finetune.service.api.limits import ApiLimits
from finetune.service.api.problems import OF_ERRORS, RETRY_AFTER_S, Problem, answer
from finetune.service.api.uploads import place_in, take_form
from finetune.service.data_work import ONNX
from finetune.service.judged import judged_images
from finetune.service.predictor import Answer
from finetune.service.projects import Training, numbered, safe_name
from finetune.service.result import read_result
from finetune.service.service import Service
from finetune.service.trainings import ready_trainings
from ui.use_view import CARD

if TYPE_CHECKING:
    from fastapi import APIRouter

MOST_WAITING = 8
"""Images that may wait for the page's classifier; who asks more often is told to wait."""
KEPT = {"cache-control": "private, max-age=3600"}


def add_run_addresses(app: APIRouter, service: Service) -> None:
    """Add all addresses of runs to ``app``; a project's id in an address is its key."""
    _add_files(app, service)
    _add_asking(app, service)

    @app.get("/judged/{project_id}/{number}/{place}")
    def judged(project_id: str, number: str, place: str) -> Response:
        """Show one of the images that judged a run, small, by its place in the run's own list."""
        project = service.find(project_id)
        training = _found(service, project_id, number)
        images = () if training is None else judged_images(training.run)
        known = {str(image.place): image.name for image in images}
        if project is None or training is None or place not in known:
            raise HTTPException(404, "no such image")
        try:
            content = service.thumbnail(project, training, known[place])
        except FinetuneError:
            raise HTTPException(404, "the image is gone") from None
        return Response(content, media_type="image/jpeg", headers=KEPT)


def _found(service: Service, project_id: str, number: str) -> Training | None:
    project = service.find(project_id)
    trainings = [] if project is None else project.trainings
    return next((each for each in trainings if each.number == number), None)


def _add_files(app: APIRouter, service: Service) -> None:
    @app.get("/onnx/{project_id}/{number}")
    def onnx(project_id: str, number: str) -> FileResponse:
        """Send the ONNX file that a job has written, by the job's number."""
        project = service.find(project_id)
        jobs = [] if project is None else numbered(project.folder / "export")
        found = [job for job in jobs if job.name == number and (job / ONNX).is_file()]
        if not found:
            raise HTTPException(404, "no such file")
        request = read_result(found[0] / "request.json")
        name = f"{Path(request['run']).name}-{request['precision']}.onnx"
        return FileResponse(found[0] / ONNX, filename=name)

    @app.get("/card/{project_id}/{number}")
    def card(project_id: str, number: str) -> FileResponse:
        """Send the model card of a classifier."""
        training = _found(service, project_id, number)
        if training is None or not (training.run / "bundle" / CARD).is_file():
            raise HTTPException(404, "no such card")
        return FileResponse(training.run / "bundle" / CARD, filename=f"{training.run.name}-card.md")


def _add_asking(app: APIRouter, service: Service) -> None:
    limits = ApiLimits()
    free = threading.BoundedSemaphore(MOST_WAITING)

    @app.post("/predict/{project_id}/{number}")
    async def predict(request: Request, project_id: str, number: str) -> Response:
        """Classify the image of a form, under any field's name, with the classifier of a project's training."""
        project = service.find(project_id)
        ready = [] if project is None else ready_trainings(project)
        training = next((each for each in ready if each.number == number), None)
        if training is None:
            return answer(404, "no classifier is at this address; copy the line anew from the tab Use")
        if not free.acquire(blocking=False):
            return answer(
                429, "too many images wait already; ask again", headers={"Retry-After": RETRY_AFTER_S}
            )
        try:
            return await _classified(request, service, training, limits)
        except Problem as problem:
            return answer(problem.status_code, problem.detail, **problem.more)
        except FinetuneError as error:
            status = next((code for kind, code in OF_ERRORS if isinstance(error, kind)), 500)
            return answer(status, str(error).replace(f"{service.root}/", ""))
        finally:
            free.release()


async def _classified(request: Request, service: Service, training: Training, limits: ApiLimits) -> Response:
    from fastapi.responses import JSONResponse

    with place_in(service.uploads) as place:
        form = await take_form(request, place, most=limits.question, most_files=1, most_each=limits.image)
        if not form.files:
            raise Problem(422, "the form has no image; send one as `curl -F image=@cat.jpg` does")
        path, name = form.files[0].path, safe_name(form.files[0].name)
        found = await run_in_threadpool(service.predict, training, path)
    if found.error:
        raise Problem(422, found.error.replace(f"{path.name} ", f"{name} ", 1))
    return JSONResponse(_told(found, name, training.run.name))


def _told(found: Answer, name: str, model: str) -> dict[str, Any]:
    """Return the answer under the names that the HTTP API's have."""
    label, probability = found.top[0]
    return {
        "model": model,
        "name": name,
        "label": label,
        "probability": probability,
        "top": [{"label": label, "probability": share} for label, share in found.top],
        "known": found.known,
    }
