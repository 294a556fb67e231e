"""Bodies that are too large or too slow are refused while they come, before anything is kept of them. Pure ASGI."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping

from starlette.requests import ClientDisconnect

from finetune.service.api.limits import ApiLimits
from finetune.service.api.problems import MEDIA_TYPE, Problem, problem_json
from finetune.service.guard import App, Message, Receive, Send

TOO_SLOW = "the request's body came too slowly; send it again over a better line"


class Bodies:
    """Wraps an application; ``most`` tells for a path how many bytes a body may have, None for no limit.

    ``said`` puts a refusal into the language of a request, by its scope.
    """

    def __init__(
        self,
        app: App,
        limits: ApiLimits,
        most: Callable[[str], int | None],
        said: Callable[[Message, str], str] | None = None,
    ) -> None:
        self._app, self._limits, self._most, self._said = app, limits, most, said

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on with a body that minds the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        body = _Body(receive, send, self._limits, self._most(scope["path"]), headers)
        try:
            body.refuse_declared(headers)
            await self._app(scope, body.receive, body.send)
        except Problem as problem:
            # Whoever raised it could not answer: the body was being read outside any handler.
            if body.answered:
                raise
            if self._said is not None:
                problem.detail = self._said(scope, problem.detail)
            await refuse(problem, body.send)
        except ClientDisconnect:
            pass  # no fault of the server's, and nobody hears an answer


class _Body:
    def __init__(
        self,
        receive: Receive,
        send: Send,
        limits: ApiLimits,
        most: int | None,
        headers: Mapping[bytes, bytes],
    ) -> None:
        self._receive, self._send, self._limits, self._most = receive, send, limits, most
        self._bytes, self._waited_s = 0, 0.0
        has_body = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
        self._is_whole = not has_body
        self._closes = False
        self.answered = False

    def refuse_declared(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise Problem where the length that is told is too much."""
        told = headers.get(b"content-length", b"0")
        if self._most is not None and told.isdigit() and int(told) > self._most:
            raise too_large(self._most)

    async def receive(self) -> Message:
        """Return the next piece; raises Problem 408 and 413."""
        if self._is_whole:  # what is waited for now is the client's leaving
            return await self._receive()
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.pause_s):
                message = await self._receive()
        except TimeoutError:
            raise Problem(408, TOO_SLOW) from None
        self._waited_s += time.monotonic() - started
        self._bytes += len(message.get("body", b""))
        self._is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        if self._most is not None and self._bytes > self._most:
            raise too_large(self._most)
        too_long = self._waited_s > self._limits.grace_s
        if not self._is_whole and too_long and self._bytes < self._limits.slowest * self._waited_s:
            raise Problem(408, TOO_SLOW)
        return message

    async def send(self, message: Message) -> None:
        """Send; an answer before the body's end closes the connection, so that the rest need not be taken.

        It waits a moment first for a client that hears only when it has spoken.
        """
        if message["type"] == "http.response.start":
            self.answered = True
            self._closes = not self._is_whole
            if self._closes:
                message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
        elif self._closes and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _drain(self) -> None:
        taken = 0
        try:
            async with asyncio.timeout(self._limits.linger_s):
                while taken < self._limits.lingered:
                    message = await self._receive()
                    taken += len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return


def too_large(most: int) -> Problem:
    """Return the refusal of a body of more than ``most`` bytes."""
    size = f"{most / 1e6:,.0f} MB" if most >= 10**6 else f"{most:,} bytes"
    return Problem(413, f"the request's body is larger than {size}; send less")


async def refuse(problem: Problem, send: Send) -> None:
    """Answer with a problem where there is no handler."""
    body = json.dumps(problem_json(problem.status_code, problem.detail, **problem.more)).encode()
    own = [(name.lower().encode(), value.encode()) for name, value in (problem.headers or {}).items()]
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode()), *own]
    await send({"type": "http.response.start", "status": problem.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
