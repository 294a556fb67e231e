"""Whether the server is well, for those who watch it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool

from finetune.service.api.access import admit, token_in
from finetune.service.api.context import Served
from finetune.service.api.problems import Problem

router = APIRouter(tags=["state"])
PATHS = ("/healthz", "/readyz", "/metrics")


def _is_admitted(request: Request, context: Served) -> None:
    address = request.client.host if request.client else ""
    admit(context, address, token_in(request.headers.get("authorization", "")))


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer, which is all that is asked."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(context: Served) -> dict[str, str]:
    """Tell whether work can be taken: the table of jobs answers, somebody does them, the disk has room."""
    if not context.is_at_work():
        raise Problem(503, "nobody does the jobs; see the server's log and start it again")
    await run_in_threadpool(context.store.counts)
    context.refuse_full_disk(0)
    return {"status": "ready"}


@router.get("/metrics")
def metrics(context: Served, _admitted: Annotated[None, Depends(_is_admitted)]) -> Response:
    """Give the counters in Prometheus's text format."""
    return Response(context.numbers.text(), media_type=CONTENT_TYPE_LATEST)
