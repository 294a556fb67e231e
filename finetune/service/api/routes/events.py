"""A job's course as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from finetune.service.api.access import Owner
from finetune.service.api.context import Context, Served
from finetune.service.api.problems import Problem
from finetune.service.api.routes.jobs import answer
from finetune.service.engine.job import Job

router = APIRouter(tags=["jobs"])
LOOKED_EVERY_S = 0.5


def _job(job_id: str, context: Served, owner: Owner) -> Job:
    return context.job(job_id, owner)


def _turn(context: Served) -> Iterator[None]:
    if not context.streaming.acquire(blocking=False):
        raise Problem(
            503, "too many streams are open; ask for the job itself instead", headers={"Retry-After": "10"}
        )
    try:
        yield
    finally:
        context.streaming.release()


@router.get("/jobs/{job_id}/events", response_class=EventSourceResponse)
async def events(
    job: Annotated[Job, Depends(_job)],
    _turn: Annotated[None, Depends(_turn)],
    context: Served,
    last_event_id: Annotated[str, Header(description="`id` of the last event that you got.")] = "",
) -> AsyncIterator[ServerSentEvent]:
    """Follow a job: `job` when it has changed, `metrics` for each new row, `end` with the last state, then nothing.

    Comments come in between, so that a quiet connection stays open. An event's `id` counts the rows so far.
    """
    sent = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else 0
    told: dict[str, Any] = {}
    while True:
        now, rows, ended = await run_in_threadpool(_look, context, job, sent)
        for row in rows:
            sent += 1
            yield ServerSentEvent(event="metrics", data=row, id=str(sent))
        if ended:
            yield ServerSentEvent(event="end", data=now, id=str(sent))
            return
        if now != told:
            yield ServerSentEvent(event="job", data=now, id=str(sent))
            told = now
        await asyncio.sleep(LOOKED_EVERY_S)


def _look(
    context: Context, job: Job, sent: int
) -> tuple[dict[str, Any], list[dict[str, float | None]], bool]:
    # First the state, then the rows: of a job that has ended none is missed.
    now = context.store.get(job.id)
    rows = context.view(now).metrics(sent)
    return answer(context, now).model_dump(), rows, now.has_ended
