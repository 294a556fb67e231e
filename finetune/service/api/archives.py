"""An archive in a request: taken in turn, from a form or as the body itself, within what its owner may keep."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import Request

from finetune.service.api.context import Context
from finetune.service.api.problems import Problem
from finetune.service.api.uploads import MULTIPART, Upload, take_form, take_raw
from finetune.service.datasets import Dataset

ARCHIVE = {"type": "string", "format": "binary"}
BODY = {
    MULTIPART: {"schema": {"type": "object", "required": ["file"], "properties": {"file": ARCHIVE}}},
    "application/octet-stream": {"schema": ARCHIVE},
}


@contextmanager
def turn(context: Context) -> Iterator[None]:
    """Hold one of the few places for uploads; raises Problem 503 where all are taken."""
    if not context.uploading.acquire(blocking=False):
        raise Problem(
            503, "other uploads are under way; send this one in a moment", headers={"Retry-After": "5"}
        )
    try:
        yield
    finally:
        context.uploading.release()


def refuse_without_room(context: Context, request: Request) -> None:
    """Raise Problem 507 where the disk has no room for the body that is told."""
    told = request.headers.get("content-length", "0")
    context.refuse_full_disk(min(int(told) if told.isdigit() else 0, context.limits.archive))


async def taken(request: Request, context: Context, place: Path, name: str) -> Upload:
    """Write the archive of a request to ``place``; ``name`` is what a bare body is called. Raises Problem."""
    if request.headers.get("content-type", "").lower().startswith(MULTIPART):
        form = await take_form(request, place, most=context.limits.archive, most_files=1)
        if not form.files:
            raise Problem(422, "the form has no file; send a zip or tar as `curl -F file=@photos.zip` does")
        return form.files[0]
    return await take_raw(request, place, name or "images", most=context.limits.archive)


def refuse_beyond_kept(context: Context, coming: Dataset) -> None:
    """Raise Problem 413 where ``coming`` would make more than its owner may keep."""
    if context.kept_by(coming.owner).size_bytes + coming.size_bytes > context.limits.kept:
        raise Problem(
            413, f"your data sets would take more than {context.limits.kept / 1e9:g} GB; delete some first"
        )
