"""Models: what there is, taking it home, deleting it."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from finetune.service import models
from finetune.service.api.access import Owner
from finetune.service.api.context import Context, Served
from finetune.service.api.engine import drop_job
from finetune.service.api.problems import Problem
from finetune.service.api.routes.jobs import Before, Page
from finetune.service.api.schemas import ModelAnswer, ModelsAnswer
from finetune.service.models import Model

router = APIRouter(tags=["models"])
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bundle as a zip, or the ONNX file.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/models")
def list_models(context: Served, owner: Owner, limit: Page = 50, before: Before = None) -> ModelsAnswer:
    """List your models, the newest first."""
    since = None if before is None else context.job(before, owner).sequence
    made: list[Model] = []
    while len(made) <= limit:
        jobs = context.store.list(owner=owner, states=("done",), before=since)
        made += [model for model in map(models.model_of, jobs) if model is not None]
        if not jobs:
            break
        since = jobs[-1].sequence
    page = [_answer(context, model) for model in made[:limit]]
    return ModelsAnswer(models=page, next=page[-1].id if len(made) > limit else None)


@router.get("/models/{model_id}")
def show(model_id: str, context: Served, owner: Owner) -> ModelAnswer:
    """Tell what a model is and how good it was."""
    return _answer(context, found(context, model_id, owner))


@router.get("/models/{model_id}/download", response_class=FileResponse, responses=FILES)
def download(
    model_id: str,
    context: Served,
    owner: Owner,
    form: Annotated[Literal["bundle", "onnx"], Query(alias="format")] = "bundle",
) -> FileResponse:
    """Send the bundle as a zip, or one ONNX file, which is made and compared with the bundle when first asked for."""
    model = found(context, model_id, owner)
    if form == "bundle":
        return FileResponse(models.zipped(model), media_type="application/zip", filename=f"{model.stem}.zip")
    return FileResponse(
        models.in_onnx(model), media_type="application/octet-stream", filename=f"{model.stem}.onnx"
    )


@router.delete("/models/{model_id}", status_code=204)
def delete(model_id: str, context: Served, owner: Owner) -> None:
    """Delete a model and all of its run; 409 while a job is still to use it."""
    model = found(context, model_id, owner)
    with context.adding:
        models.refuse_in_use(model.job, context.store)
        models.delete(model)
    context.serving.forget(model.bundle)
    drop_job(context.data_dir, context.store, model.job.id)


def found(context: Context, model_id: str, owner: str) -> Model:
    """Return a model of ``owner``; raises Problem 404 for any other, and for a job that has made none."""
    with contextlib.suppress(Problem):
        model = models.model_of(context.job(model_id, owner))
        if model is not None:
            return model
    raise Problem(404, "there is no such model")


def _answer(context: Context, model: Model) -> ModelAnswer:
    return ModelAnswer(
        id=model.job.id,
        title=model.job.title,
        created=model.job.ended,
        dataset=context.datasets.holding(str(model.job.request.get("data", ""))) or None,
        report=model.report,
    )
