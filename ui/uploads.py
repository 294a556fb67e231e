"""What comes to the page as a file: within a limit, while the disk has room, and nothing that was broken off stays.

Gradio counts each file, but neither a form's other fields, which it holds in memory, nor all files together, and what
it had of an upload that broke off it leaves behind. Pure ASGI.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.responses import PlainTextResponse

from finetune.errors import ResourceError
from finetune.service.api.limits import MB
from finetune.service.api.part_headers import PartHeaders
from finetune.service.api.problems import Problem
from finetune.service.api.signed_in import OWNER
from finetune.service.guard import App, Message, Receive, Send
from ui.addresses import UPLOAD
from ui.languages import below, said_at

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

BROKEN_OFF_S = 90.0
"""So long nothing was written to a file that is being taken: a body that pauses for a third of it is refused."""
KEPT_S = 86_400.0
"""So long a file stays that came whole; the page takes over at once what it works with."""
MOST_FIELD_BYTES = 10_000
"""So much may a form's fields have, files apart."""

_FULL = "the server's disk is too full for this upload; free some of it"
_LARGE_FIELD = "the form has a large field that is no file; send files alone"


class PageUploads:
    """Wraps Gradio's application, whose uploads go to ``folder``; ``reserve`` bytes of the disk stay free.

    ``refuse_beyond_room`` raises ResourceError where so many bytes more are more than the owner may keep.
    """

    def __init__(
        self, app: App, folder: Path, reserve: int, refuse_beyond_room: Callable[[str, int], None]
    ) -> None:
        self._app, self._folder, self._reserve = app, folder, reserve
        self._refuse_beyond_room = refuse_beyond_room

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on; an upload only if there is room for it."""
        if scope["type"] != "http" or scope["method"] != "POST" or not below(scope).startswith(UPLOAD):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        try:
            owner = scope.get("state", {}).get(OWNER, "")
            await run_in_threadpool(self._make_room, headers.get(b"content-length", b"0"), owner)
        except Problem as problem:
            # Gradio shows a person the body as it is.
            await PlainTextResponse(said_at(scope, problem.detail), problem.status_code)(scope, receive, send)
            return
        await self._app(scope, _Fields(headers.get(b"content-type", b""), scope, receive).receive, send)

    def _make_room(self, told: bytes, owner: str) -> None:
        sweep(self._folder)
        coming = int(told) if told.isdigit() else 0
        if shutil.disk_usage(self._folder).free < coming + self._reserve:
            raise Problem(507, _FULL)
        try:
            self._refuse_beyond_room(owner, coming)
        except ResourceError as error:
            raise Problem(413, str(error)) from None


def sweep(folder: Path) -> None:
    """Remove files below ``folder`` whose upload was broken off, and those that came long ago."""
    now = time.time()
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            is_folder = path.is_dir()
            if now - path.stat().st_mtime < (KEPT_S if is_folder else BROKEN_OFF_S):
                continue
            if is_folder:
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


class _Fields:
    """Reads a form along with its taker; raises Problem 413 where its fields, files apart, become large."""

    def __init__(self, content_type: bytes, scope: Message, receive: Receive) -> None:
        self._scope, self._receive = scope, receive
        self._headers, self._bytes = PartHeaders(), 0
        callbacks: MultipartCallbacks = {**self._headers.callbacks, "on_part_data": self._data}
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        self._parser = None if boundary is None else MultipartParser(boundary, callbacks)

    async def receive(self) -> Message:
        """Return the next piece."""
        message = await self._receive()
        if self._parser is not None and message["type"] == "http.request":
            try:
                self._parser.write(message.get("body", b""))
            except FormParserError:
                self._parser = None  # whoever takes the form says so
            if self._bytes > MOST_FIELD_BYTES:
                raise Problem(413, said_at(self._scope, _LARGE_FIELD))
        return message

    def _data(self, _data: bytes, start: int, end: int) -> None:
        if not self._headers.is_file:
            self._bytes += end - start


def most_of(upload_gb: float) -> int:
    """Return how many bytes the body of an upload may have, its form included."""
    return int(upload_gb * 10**9) + MB
