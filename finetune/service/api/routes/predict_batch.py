"""Asking a model about many images: a job, whose answers are a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from pydantic import ValidationError

from finetune.bundle.find_images import find_images
from finetune.errors import DataError
from finetune.service import models
from finetune.service.answers_file import answers_file
from finetune.service.api.access import Owner
from finetune.service.api.archives import BODY, refuse_beyond_kept, refuse_without_room, taken, turn
from finetune.service.api.context import Context, Served
from finetune.service.api.problems import Problem
from finetune.service.api.routes import datasets
from finetune.service.api.routes.jobs import answer, refuse_too_many
from finetune.service.api.routes.models import found
from finetune.service.api.schemas import ID_EXAMPLE, JobAnswer, PredictBatchRequest
from finetune.service.api.uploads import place_in, take_bytes
from finetune.service.datasets import Dataset
from finetune.service.engine.job import Job
from finetune.service.models import Model

router = APIRouter(tags=["models"])
JSON = "application/json"
MEDIA_TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
ASKED = {
    "requestBody": {
        "required": True,
        "description": "A zip or tar of images, in any folders, as a form's file or as the body itself; or a data "
        "set of yours.",
        "content": {
            **BODY,
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["dataset"],
                    "properties": {"dataset": {"type": "string"}},
                },
                "example": {"dataset": ID_EXAMPLE},
            },
        },
    }
}
RESULT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A row for each image.",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "path,label,probability,error,top1_label,top1_probability\r\n"
                "new/1.jpg,apple,0.982114,,apple,0.982114\r\n",
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"path": "new/1.jpg", "label": "apple", "probability": 0.982114, "error": null, "top": '
                '[{"label": "apple", "probability": 0.982114}]}\n',
            },
        },
    }
}


def _model(model_id: str, context: Served, owner: Owner) -> Model:
    return found(context, model_id, owner)


def _options(
    model: Annotated[Model, Depends(_model)],
    file_format: Annotated[Literal["csv", "jsonl"], Query(alias="format")] = "csv",
    top: Annotated[int, Query(ge=1, le=100, description="How many labels for each image.")] = 3,
    tta: Annotated[bool, Query(description="Answer by the mean over several views of each image.")] = False,
    coverage: Annotated[
        float | None,
        Query(gt=0, lt=1, description="How often `set` shall hold the true class; 0.9 where not given."),
    ] = None,
) -> dict[str, Any]:
    if coverage is not None and not models.tells_sets(model):
        raise Problem(
            422,
            "coverage has no effect: the model has no sets of plausible classes; train it again, with at least 20 "
            "validation images",
        )
    return {"file_format": file_format, "top": top, "tta": tta, "coverage": coverage}


@router.post("/models/{model_id}/predict-batch", status_code=202, openapi_extra=ASKED)
async def predict_batch(
    request: Request,
    response: Response,
    context: Served,
    owner: Owner,
    model: Annotated[Model, Depends(_model)],
    options: Annotated[dict[str, Any], Depends(_options)],
    name: Annotated[str, Query(max_length=200, description="For a bare body: what the file is called.")] = "",
) -> JobAnswer:
    """Classify many images: 202 with a job, which `Location` names; its answers are at `/jobs/ID/result`.

    An archive's images are deleted when the job is done, or with it.
    """
    refuse_too_many(context, owner)
    if request.headers.get("content-type", "").lower().startswith(JSON):
        dataset = datasets.found(context, await _named(request, context), owner)
        job = await run_in_threadpool(_queued, context, model, dataset, options)
    else:
        refuse_without_room(context, request)
        with turn(context), place_in(context.arriving) as place:
            upload = await taken(request, context, place, name)
            job = await run_in_threadpool(
                _unpacked_and_queued, context, model, upload.path, upload.name, options
            )
    response.headers["Location"] = str(request.url.path).partition("/models/")[0] + f"/jobs/{job.id}"
    return answer(context, job)


@router.get("/jobs/{job_id}/result", response_class=FileResponse, responses=RESULT, tags=["jobs"])
def result(job_id: str, context: Served, owner: Owner) -> FileResponse:
    """Send the answers of a job of predictions, once all are there: 409 until then."""
    job = context.job(job_id, owner)
    if job.kind != "predict":
        raise Problem(404, "this job has no file of answers; only one of predict-batch has")
    form = job.request["file_format"]
    path = answers_file(context.view(job).folder, form)
    if not job.has_ended or not path.is_file():
        raise Problem(409, f"the job is {job.state}; its answers are there when it is done")
    return FileResponse(path, media_type=MEDIA_TYPES[form], filename=f"predictions-{job.id[:12]}.{form}")


async def _named(request: Request, context: Context) -> str:
    """Return the data set that a JSON body names."""
    try:
        values = json.loads(await take_bytes(request, most=context.limits.plain_body))
    except ValueError:
        raise Problem(422, 'body: it is no JSON; send {"dataset": ID}') from None
    try:
        return PredictBatchRequest.model_validate(values).dataset
    except ValidationError as error:
        wrong = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(wrong) from None


def _unpacked_and_queued(
    context: Context, model: Model, archive: Path, name: str, options: dict[str, Any]
) -> Job:
    images = context.asked.unpack(archive, name, owner=model.job.owner)
    try:
        refuse_beyond_kept(context, images)
        job = _queued(context, model, images, options, upload=str(images.data.parent))
        context.asked.keep(images)
    except BaseException:
        context.asked.drop(images)
        raise
    return job


def _queued(
    context: Context, model: Model, images: Dataset, options: dict[str, Any], *, upload: str = ""
) -> Job:
    owner = model.job.owner
    try:
        find_images([images.data], offline=True)
    except DataError:
        raise Problem(422, f"no images in {images.name}; send some whose names end as images' do") from None
    with context.adding:  # neither the model nor the data set goes, and no limit is passed, in between
        refuse_too_many(context, owner)
        found(context, model.job.id, owner)
        if not upload:
            datasets.found(context, images.id, owner)
        values = {
            "model": model.job.id,
            "bundle": str(model.bundle),
            "data": str(images.data),
            "upload": upload,
        }
        return context.store.add("predict", {**values, **options}, title=images.name, owner=owner)
