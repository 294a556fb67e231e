"""Asking a model about many images: a job, whose answers are a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from pydantic import ValidationError

from finetune.bundle.find_images import find_images
from finetune.errors import DataError
from finetune.model.file_hash import sha256_of
from finetune.service import models
from finetune.service.answers_file import answers_file
from finetune.service.api.access import Owner
from finetune.service.api.archives import BODY, refuse_beyond_kept, refuse_without_room, taken, turn
from finetune.service.api.context import Context, Served
from finetune.service.api.problems import Problem
from finetune.service.api.routes import datasets
from finetune.service.api.routes.jobs import Key, answer, key_in_use, refuse_too_many
from finetune.service.api.routes.models import found
from finetune.service.api.schemas import ID_EXAMPLE, JobAnswer, PredictBatchRequest
from finetune.service.api.uploads import Upload, place_in, take_bytes
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


@dataclass(frozen=True)
class _Wish:
    """What to make of images: a job of ``owner`` that asks the model ``model_id`` with ``options``."""

    owner: str
    model_id: str
    options: Mapping[str, Any]
    title: str
    key: str | None

    def model(self, context: Context) -> Model:
        """Return the model; raises Problem 404 and 422."""
        model = found(context, self.model_id, self.owner)
        if self.options["coverage"] is not None and not models.tells_sets(model):
            raise Problem(
                422,
                "coverage has no effect: the model has no sets of plausible classes; train it again, with at least "
                "20 validation images",
            )
        return model


def _wish(
    model_id: str,
    owner: Owner,
    file_format: Annotated[Literal["csv", "jsonl"], Query(alias="format")] = "csv",
    top: Annotated[int, Query(ge=1, le=100, description="How many labels for each image.")] = 3,
    tta: Annotated[bool, Query(description="Answer by the mean over several views of each image.")] = False,
    coverage: Annotated[
        float | None,
        Query(gt=0, lt=1, description="How often `set` shall hold the true class; 0.9 where not given."),
    ] = None,
    title: Annotated[
        str, Query(max_length=200, description="For people; the images' name where empty.")
    ] = "",
    key: Key = None,
) -> _Wish:
    options = {"file_format": file_format, "top": top, "tta": tta, "coverage": coverage}
    return _Wish(owner, model_id, options, title, key)


@router.post("/models/{model_id}/predict-batch", status_code=202, openapi_extra=ASKED)
async def predict_batch(
    request: Request,
    response: Response,
    context: Served,
    wish: Annotated[_Wish, Depends(_wish)],
    name: Annotated[str, Query(max_length=200, description="For a bare body: what the file is called.")] = "",
) -> JobAnswer:
    """Classify many images: 202 with a job, which `Location` names; its answers are at `/jobs/ID/result`.

    An archive's images are deleted when the job is done, or with it.
    """
    await run_in_threadpool(_refuse_early, context, wish)
    if request.headers.get("content-type", "").lower().startswith(JSON):
        dataset = await _named(request, context)
        job = await run_in_threadpool(_of_dataset, context, wish, dataset)
    else:
        refuse_without_room(context, request)
        with turn(context), place_in(context.arriving) as place:
            upload = await taken(request, context, place, name)
            job = await run_in_threadpool(_of_archive, context, wish, upload)
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


def _refuse_early(context: Context, wish: _Wish) -> None:
    """Raise Problem before the images are taken, unless they may be sent again, whatever has become of the rest."""
    if _before(context, wish) is None:
        wish.model(context)
        refuse_too_many(context, wish.owner)


def _before(context: Context, wish: _Wish) -> Job | None:
    return None if wish.key is None else context.store.with_key(wish.owner, wish.key)


def _of_dataset(context: Context, wish: _Wish, dataset: str) -> Job:
    before = _before(context, wish)
    if before is not None:
        return _same(before, wish, context, dataset=dataset)
    return _queued(context, wish, datasets.found(context, dataset, wish.owner))


def _of_archive(context: Context, wish: _Wish, upload: Upload) -> Job:
    digest = sha256_of(upload.path)
    before = _before(context, wish)
    if before is not None:
        return _same(before, wish, context, digest=digest)
    images = context.asked.unpack(upload.path, upload.name, owner=wish.owner)
    is_asked_for = False
    try:
        refuse_beyond_kept(context, images)
        job = _queued(context, wish, images, upload=str(images.data.parent), digest=digest)
        is_asked_for = job.request["data"] == str(images.data)
        if is_asked_for:
            context.asked.keep(images)
    finally:
        if not is_asked_for:
            context.asked.drop(images)
    return job


def _queued(context: Context, wish: _Wish, images: Dataset, *, upload: str = "", digest: str = "") -> Job:
    """Queue a job, unless the same request was faster; ``digest`` is that of the archive that came."""
    try:
        find_images([images.data], offline=True)
    except DataError:
        raise Problem(422, f"no images in {images.name}; send some whose names end as images' do") from None
    with context.adding:  # neither the model nor the data set goes, and no limit is passed, in between
        before = _before(context, wish)
        if before is not None:
            return _same(before, wish, context, digest=digest, dataset="" if upload else images.id)
        refuse_too_many(context, wish.owner)
        model = wish.model(context)
        if not upload:
            datasets.found(context, images.id, wish.owner)
        values = {
            "model": model.job.id,
            "bundle": str(model.bundle),
            "data": str(images.data),
            "upload": upload,
            "digest": digest,
        }
        title = wish.title or images.name
        return context.store.add(
            "predict", {**values, **wish.options}, title=title, owner=wish.owner, key=wish.key
        )


def _same(job: Job, wish: _Wish, context: Context, *, digest: str = "", dataset: str = "") -> Job:
    """Return the job of the same key; raises OptionError where something else was asked for with it."""
    wanted = {"model": wish.model_id, "digest": digest, **wish.options}
    same = job.kind == "predict" and all(job.request.get(name) == wanted[name] for name in wanted)
    if not same or context.datasets.holding(job.request["data"]) != dataset:
        raise key_in_use(job)
    return job
