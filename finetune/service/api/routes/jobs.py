"""Jobs: asking for one, seeing how far it is, stopping it and going on."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from finetune.errors import OptionError, RunError
from finetune.recipe import Recipe
from finetune.service.api.access import Owner
from finetune.service.api.context import Context, Served
from finetune.service.api.engine import drop_job
from finetune.service.api.problems import Problem
from finetune.service.api.routes.datasets import found
from finetune.service.api.schemas import JobAnswer, JobRequest, JobsAnswer, LogAnswer, MetricsAnswer
from finetune.service.engine.job import Job, State
from finetune.service.models import model_of, refuse_in_use

router = APIRouter(tags=["jobs"])
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="The same key with the same request gives the first one's job.",
    ),
]
Page = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Before = Annotated[str | None, Query(description="`next` of the page before.")]


@router.post("/jobs", status_code=202)
def ask_for(
    asked: JobRequest, request: Request, response: Response, context: Served, owner: Owner, key: Key = None
) -> JobAnswer:
    """Queue a fine-tuning; 202 with its job, which `Location` names."""
    with context.adding:  # no data set goes, and no limit is passed, in between
        before = None if key is None else context.store.with_key(owner, key)
        job = _queued(asked, context, owner, key) if before is None else _same(before, asked, context)
    response.headers["Location"] = f"{request.url.path}/{job.id}"
    return answer(context, job)


@router.get("/jobs")
def list_jobs(
    context: Served,
    owner: Owner,
    limit: Page = 50,
    before: Before = None,
    state: Annotated[list[State], Query(description="Only those in one of these states.")] = [],  # noqa: B006
) -> JobsAnswer:
    """List your jobs, the newest first."""
    since = None if before is None else context.job(before, owner).sequence
    jobs = context.store.list(owner=owner, states=state, before=since, limit=limit + 1)
    page = [answer(context, job) for job in jobs[:limit]]
    return JobsAnswer(jobs=page, next=page[-1].id if len(jobs) > limit else None)


@router.get("/jobs/{job_id}")
def show(job_id: str, context: Served, owner: Owner) -> JobAnswer:
    """Tell where a job is."""
    return answer(context, context.job(job_id, owner))


@router.get("/jobs/{job_id}/metrics")
def metrics(
    job_id: str,
    context: Served,
    owner: Owner,
    since: Annotated[int, Query(ge=0, description="How many rows you have.")] = 0,
) -> MetricsAnswer:
    """Give the rows of numbers after those you have: one an epoch, or one a strength of regularisation."""
    job = context.job(job_id, owner)
    rows = context.view(job).metrics(since)
    return MetricsAnswer(rows=rows, next=since + len(rows), ended=job.has_ended)


@router.get("/jobs/{job_id}/log")
def log(
    job_id: str,
    context: Served,
    owner: Owner,
    offset: Annotated[int, Query(ge=0, le=2**40, description="How many bytes you have.")] = 0,
) -> LogAnswer:
    """Give the log's lines after those you have; empty until training begins."""
    job = context.job(job_id, owner)
    text, following = context.view(job).log(offset)
    return LogAnswer(text=text, next=following, ended=job.has_ended)


@router.post("/jobs/{job_id}/cancel", status_code=202)
def cancel(job_id: str, context: Served, owner: Owner) -> JobAnswer:
    """Stop a job, keeping what it has; 409 where it has ended."""
    context.job(job_id, owner)
    return answer(context, context.store.cancel(job_id, owner=owner))


@router.post("/jobs/{job_id}/retry", status_code=202)
def retry(job_id: str, context: Served, owner: Owner) -> JobAnswer:
    """Queue a job again that failed or was stopped; it goes on with what it left, if anything."""
    return answer(context, _again(context, context.job(job_id, owner), owner))


@router.post("/jobs/{job_id}/resume", status_code=202)
def resume(job_id: str, context: Served, owner: Owner) -> JobAnswer:
    """Go on with a job that left something to go on with; 409 for any other."""
    job = context.job(job_id, owner)
    if not context.view(job).can_resume:
        raise Problem(409, f"the job is {job.state} and left nothing to go on with; retry it instead")
    return answer(context, _again(context, job, owner))


@router.delete("/jobs/{job_id}", status_code=204)
def delete(job_id: str, context: Served, owner: Owner) -> None:
    """Delete a job that has ended with all that it left, its model too; 409 while it has not ended."""
    job = context.job(job_id, owner)
    if not job.has_ended:
        raise Problem(409, f"the job is {job.state}; cancel it first")
    model = model_of(job)
    with context.adding:
        refuse_in_use(job, context.store)
        run = Path(job.request.get("out", context.data_dir)).resolve()
        if run.is_relative_to(context.data_dir) and run != context.data_dir:
            shutil.rmtree(run, ignore_errors=True)
        drop_job(context.data_dir, context.store, job.id)
    if model is not None:
        context.serving.forget(model.bundle)


def answer(context: Context, job: Job) -> JobAnswer:
    """Return what is told of a job."""
    return JobAnswer(
        **context.view(job).to_json(),
        dataset=context.datasets.holding(str(job.request.get("data", ""))) or None,
        model=job.request.get("model") or (None if model_of(job) is None else job.id),
    )


def _queued(asked: JobRequest, context: Context, owner: str, key: str | None) -> Job:
    dataset = found(context, asked.dataset, owner)
    refuse_too_many(context, owner)
    values = {
        "data": str(dataset.data),
        "recipe": _recipe(asked).model_dump(mode="json", exclude_unset=True),
        "out": str(context.runs / _run_name(owner, key)),
        "offline": context.offline,
    }
    return context.store.add(asked.kind, values, title=asked.title or dataset.name, owner=owner, key=key)


def _same(job: Job, asked: JobRequest, context: Context) -> Job:
    """Return the job of the same key; raises OptionError where something else was asked for with it."""
    dataset = context.datasets.holding(str(job.request.get("data", "")))
    recipe = _recipe(asked).model_dump(mode="json", exclude_unset=True)
    same = job.kind == asked.kind and job.request.get("recipe") == recipe
    if not same or dataset != asked.dataset:
        raise key_in_use(job)
    return job


def key_in_use(job: Job) -> OptionError:
    """Return what is said where the key of ``job`` comes with another request."""
    return OptionError(
        f"the idempotency key '{job.idempotency_key}' was used for another request; take a new one for a new request"
    )


def _again(context: Context, job: Job, owner: str) -> Job:
    with context.adding:
        refuse_too_many(context, owner)
        dataset = context.datasets.holding(str(job.request.get("data", "")))
        if dataset and context.datasets.find(dataset, owner=owner) is None:
            raise Problem(409, "the images of this job are deleted")
        if not _has_model(job, context):
            raise Problem(409, "the model of this job is deleted")
        return context.store.retry(job.id, owner=owner)


def _has_model(job: Job, context: Context) -> bool:
    """Whether what a job classifies with is there; true for one that needs none."""
    if "model" not in job.request:
        return True
    with contextlib.suppress(RunError):
        return model_of(context.store.get(job.request["model"], owner=job.owner)) is not None
    return False


def refuse_too_many(context: Context, owner: str) -> None:
    """Raise Problem 429 where ``owner`` has as many jobs waiting as one may."""
    waiting = context.store.list(owner=owner, states=("queued", "running"))
    if len(waiting) >= context.limits.jobs:
        raise Problem(
            429,
            f"you have {len(waiting)} jobs waiting, which is the most",
            headers={"Retry-After": "60"},
        )


def _recipe(asked: JobRequest) -> Recipe:
    made = Recipe.make(**asked.recipe)
    if made.files:
        name = next(iter(made.files))
        raise OptionError(
            f"--{name.replace('_', '-')} names a file, and none of the server's can be named here"
        )
    return made


def _run_name(owner: str, key: str | None) -> str:
    """Return a folder's name; the same for the same key, so that a request that is sent again is the same."""
    if key is None:
        return secrets.token_hex(16)
    return hashlib.sha256(f"{owner}\0{key}".encode()).hexdigest()[:32]
