"""The page, for those who have a token: a browser asks for it as a password. Pure ASGI."""

from __future__ import annotations

from collections.abc import Collection

from fastapi.concurrency import run_in_threadpool

from finetune.service.api.access import admit, token_in
from finetune.service.api.bodies import refuse
from finetune.service.api.context import Context
from finetune.service.api.problems import Problem
from finetune.service.guard import App, Message, Receive, Send

CHALLENGE = {
    "WWW-Authenticate": 'Basic realm="finetune: any name, and a token as the password", charset="UTF-8"'
}


class SignedIn:
    """Wraps an application; all needs a token but what lies below ``below`` or at ``paths``: those ask themselves."""

    def __init__(self, app: App, context: Context, below: str, paths: Collection[str]) -> None:
        self._app, self._context, self._below, self._paths = app, context, below, paths

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request through whose token is good, or any where none is needed."""
        if scope["type"] == "http" and not self._asks_itself(scope["path"]):
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            address = scope["client"][0] if scope.get("client") else ""
            try:
                await run_in_threadpool(admit, self._context, address, token_in(given.decode("latin-1")))
            except Problem as problem:
                if problem.status_code == 401:
                    problem = Problem(401, problem.detail, headers=CHALLENGE)
                await refuse(problem, send)
                return
        await self._app(scope, receive, send)

    def _asks_itself(self, path: str) -> bool:
        return path.startswith(self._below) or path in self._paths
