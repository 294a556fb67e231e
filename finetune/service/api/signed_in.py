"""The page, for those who are known: by a token, which a browser asks for as a password, or by a login. Pure ASGI."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi.concurrency import run_in_threadpool

from finetune.service.api.access import CHALLENGE as BEARER_CHALLENGE
from finetune.service.api.access import admit, owner_called, token_in
from finetune.service.api.bodies import refuse
from finetune.service.api.context import Context
from finetune.service.api.problems import Problem
from finetune.service.guard import App, Message, Receive, Send
from finetune.service.login import Login

Admit = Callable[[Mapping[bytes, bytes], str], str]
"""Whose request it is, by its headers (lower case) and its address; raises Problem 401 and 429."""
CHALLENGE = {
    "WWW-Authenticate": 'Basic realm="finetune: any name, and a token as the password", charset="UTF-8"'
}
LOGIN, LOGOUT = "/login", "/logout"
OF_LOGIN = frozenset({LOGIN, LOGOUT})
OWNER = "owner"
"""Where in a request's state it stands whose request it is."""
_OF_ALL = ("/assets/", "/static/", "/theme.css")
"""Parts of the page that are the same for everybody; a browser may keep them."""


def by_token(context: Context) -> Admit:
    """Let in who has a token, and this computer while it needs none."""

    def admitted(headers: Mapping[bytes, bytes], address: str) -> str:
        try:
            return admit(context, address, token_in(_authorization(headers)))
        except Problem as problem:
            if problem.status_code != 401:
                raise
            raise Problem(401, problem.detail, headers=CHALLENGE) from None

    return admitted


def by_login(login: Login, context: Context | None = None) -> Admit:
    """Let in who is signed in; with ``context`` also who sends a token, as a program does."""

    def admitted(headers: Mapping[bytes, bytes], address: str) -> str:
        if context is not None and b"authorization" in headers:
            return admit(context, address, token_in(_authorization(headers)))
        name = login.whose(headers)
        if name is None:
            # No browser asks a person by itself for what is challenged here.
            raise Problem(401, f"nobody is signed in; sign in at {LOGIN}", headers=BEARER_CHALLENGE)
        return owner_called(name)

    return admitted


class SignedIn:
    """Wraps an application; it is answered whom ``admit`` knows, but for paths that ``asks_itself``.

    Whose request it is stands in the request's state. With ``is_login`` a browser that is not known is sent to the
    login, where it asks for a page.
    """

    def __init__(
        self, app: App, admit: Admit, asks_itself: Callable[[str], bool], *, is_login: bool = False
    ) -> None:
        self._app, self._admit, self._asks_itself = app, admit, asks_itself
        self._is_login = is_login

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request through whose sender is known, or that concerns what asks itself."""
        if scope["type"] not in ("http", "websocket") or self._asks_itself(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        address = scope["client"][0] if scope.get("client") else ""
        try:
            owner = await run_in_threadpool(self._admit, headers, address)
        except Problem as problem:
            await self._refuse(problem, scope, headers, send)
            return
        state = {**scope.get("state", {}), OWNER: owner}
        is_of_all = any(part in scope["path"] for part in _OF_ALL)
        await self._app({**scope, "state": state}, receive, send if is_of_all else _unkept(send))

    async def _refuse(
        self, problem: Problem, scope: Message, headers: Mapping[bytes, bytes], send: Send
    ) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif self._is_login and problem.status_code == 401 and _is_for_reading(scope, headers):
            answer = [
                (b"location", LOGIN.encode()),
                (b"content-length", b"0"),
                (b"cache-control", b"no-store"),
            ]
            await send({"type": "http.response.start", "status": 303, "headers": answer})
            await send({"type": "http.response.body", "body": b""})
        else:
            await refuse(problem, send)


def _is_for_reading(scope: Message, headers: Mapping[bytes, bytes]) -> bool:
    return scope["method"] in ("GET", "HEAD") and b"text/html" in headers.get(b"accept", b"")


def _authorization(headers: Mapping[bytes, bytes]) -> str:
    return headers.get(b"authorization", b"").decode("latin-1")


def _unkept(send: Send) -> Send:
    """Let nobody keep an answer that does not say itself who may: the next to ask may be another person."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = message.get("headers", [])
            if not any(name.lower() == b"cache-control" for name, _ in given):
                message = {**message, "headers": [*given, (b"cache-control", b"no-store")]}
        await send(message)

    return sending
