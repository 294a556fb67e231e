"""Data sets: handing one in, seeing what is in it, deleting it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from finetune.model.backbones import find_backbone
from finetune.recipe import Recipe
from finetune.recipe.names import AUTO
from finetune.service.api.access import Owner
from finetune.service.api.archives import BODY, refuse_beyond_kept, refuse_without_room, taken, turn
from finetune.service.api.context import Context, Served
from finetune.service.api.engine import drop_job
from finetune.service.api.problems import Problem
from finetune.service.api.schemas import DatasetAnswer, DatasetsAnswer, HealthAnswer
from finetune.service.api.uploads import Upload, place_in
from finetune.service.datasets import Dataset
from finetune.service.engine.job import Job

router = APIRouter(tags=["datasets"])
ASKED = {
    "requestBody": {
        "required": True,
        "description": "A zip or tar with a folder for each class, as a form's file or as the body itself.",
        "content": BODY,
    }
}
HEALTH = ("health", "advice", "sizes", "backbone", "image_size")


@router.post("/datasets", status_code=201, openapi_extra=ASKED)
async def hand_in(
    request: Request,
    response: Response,
    context: Served,
    owner: Owner,
    name: Annotated[str, Query(max_length=200, description="For a bare body: what the file is called.")] = "",
    backbone: Annotated[str, Query(max_length=100, description="What to advise on.")] = AUTO,
) -> DatasetAnswer:
    """Hand in a zip or tar; it is checked, unpacked, and a job begins to look at it."""
    if backbone != AUTO:
        find_backbone(backbone)
    _refuse_too_many(context, owner)
    refuse_without_room(context, request)
    with turn(context), place_in(context.arriving) as place:
        upload = await taken(request, context, place, name)
        dataset = await run_in_threadpool(_unpacked, context, upload, owner, backbone)
    response.headers["Location"] = f"{request.url.path}/{dataset.id}/health"
    return _answer(dataset)


@router.get("/datasets")
def list_datasets(context: Served, owner: Owner) -> DatasetsAnswer:
    """List your data sets, the newest first."""
    return DatasetsAnswer(datasets=[_answer(dataset) for dataset in context.datasets.list(owner=owner)])


@router.get("/datasets/{dataset_id}/health")
def health(dataset_id: str, response: Response, context: Served, owner: Owner) -> HealthAnswer:
    """Tell what was found in the images, and what is advised; 202 while there is nothing to tell yet."""
    dataset = found(context, dataset_id, owner)
    view = context.view(context.job(dataset.analysis, owner))
    result = view.result
    if not result and not view.job.has_ended:
        response.status_code = 202
    known = {name: result[name] for name in HEALTH if name in result}
    return HealthAnswer(dataset=dataset.id, state=view.job.state, error=view.error, **known)


@router.delete("/datasets/{dataset_id}", status_code=204)
def delete(dataset_id: str, context: Served, owner: Owner) -> None:
    """Delete a data set with all its images; models that were made of it stay."""
    dataset = found(context, dataset_id, owner)
    with context.adding:
        if users := [job for job in _users(context, dataset) if job.id != dataset.analysis]:
            raise Problem(409, f"the job {users[0].id} is still to use this data set; cancel it, or wait")
        for job in _users(context, dataset):
            context.store.cancel(job.id)
        context.datasets.drop(dataset)
        # What was found holds small pictures of the images.
        drop_job(context.data_dir, context.store, dataset.analysis)


def found(context: Context, dataset_id: str, owner: str) -> Dataset:
    """Return a data set of ``owner``; raises Problem 404 for any other."""
    dataset = context.datasets.find(dataset_id, owner=owner)
    if dataset is None:
        raise Problem(404, "there is no such data set")
    return dataset


def _unpacked(context: Context, upload: Upload, owner: str, backbone: str) -> Dataset:
    dataset = context.datasets.unpack(upload.path, upload.name, owner=owner)
    try:
        refuse_beyond_kept(context, dataset)
        request = {
            "data": str(dataset.data),
            "sample": "",
            "backbone": Recipe.make(backbone=backbone).backbone,
            "offline": context.offline,
        }
        job = context.store.add("analyse", request, title=dataset.name, owner=owner)
        dataset = Dataset(**{**vars(dataset), "analysis": job.id})
        context.datasets.keep(dataset)
    except BaseException:
        context.datasets.drop(dataset)
        raise
    return dataset


def _refuse_too_many(context: Context, owner: str) -> None:
    if context.kept_by(owner).sets >= context.limits.datasets:
        raise Problem(
            429, f"you have {context.limits.datasets} data sets, which is the most; delete some first"
        )


def _users(context: Context, dataset: Dataset) -> list[Job]:
    jobs = context.store.list(owner=dataset.owner, states=("queued", "running"))
    return [job for job in jobs if context.datasets.holding(str(job.request.get("data", ""))) == dataset.id]


def _answer(dataset: Dataset) -> DatasetAnswer:
    return DatasetAnswer(
        id=dataset.id,
        name=dataset.name,
        created=dataset.created,
        n_files=dataset.n_files,
        bytes=dataset.size_bytes,
        job=dataset.analysis,
    )
