"""The page fetches nothing: Gradio would download whatever address stands in the place of a file. Pure ASGI."""

from __future__ import annotations

import json
from typing import Any

from finetune.service.api.bodies import refuse
from finetune.service.api.problems import Problem
from finetune.service.guard import App, Message, Receive, Send
from ui.languages import below, said_at

BELOW = "/gradio_api/"
UPLOAD = f"{BELOW}upload"
FETCHING = (f"{BELOW}proxy=", f"{BELOW}file=http:", f"{BELOW}file=https:")
"""What Gradio would get from another server and hand on."""
MOST_BYTES = 4 * 2**20
"""Of what an event sends, files apart, which are uploaded before."""
_ADDRESS = "this page takes files and no addresses; download the file and upload it"
_TOO_LARGE = "the request's body is larger than 4 MB; send less"


class NoAddresses:
    """Wraps Gradio's application: 403 for an event that names an address as a file, and for one to be handed on."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on what names no address."""
        path = below(scope)
        if scope["type"] != "http" or not path.startswith(BELOW):
            await self._app(scope, receive, send)
        elif path.lower().startswith(FETCHING):
            await refuse(Problem(403, said_at(scope, _ADDRESS)), send)
        elif scope["method"] == "POST" and not path.startswith(UPLOAD):
            await self._event(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _event(self, scope: Message, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client is gone
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MOST_BYTES:
                await refuse(Problem(413, said_at(scope, _TOO_LARGE)), send)
                return
        if _names_address(body):
            await refuse(Problem(403, said_at(scope, _ADDRESS)), send)
            return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


def _names_address(body: bytes) -> bool:
    """Whether a file's ``path`` is an address, at any depth; what is no JSON Gradio does not read either."""
    try:
        waiting: list[Any] = [json.loads(body)]
    except (ValueError, RecursionError):
        return False
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and path.strip().lower().startswith(("http:", "https:")):
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False
