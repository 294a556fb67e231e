"""The application: ``/api/v1``, the health addresses, and around all of it the guards."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

from finetune.service.api import problems
from finetune.service.api.bodies import Bodies
from finetune.service.api.context import Context
from finetune.service.api.routes import datasets, events, jobs, models, predict, predict_batch, state
from finetune.service.api.schemas import PROBLEMS, ProblemAnswer
from finetune.service.api.signed_in import OF_LOGIN, SignedIn, by_login, by_token
from finetune.service.guard import App, Guard, Message, Receive, Send
from finetune.service.login import Login

API = "/api"
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
OWN_HEADERS = (POLICY, (b"cache-control", b"no-store"))
METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"})
ABOUT = (
    "Hand in images, fine-tune, ask the models. Every error is `application/problem+json` (RFC 9457) with one "
    "sentence in `detail`. Ids are made by the server; what belongs to another owner is answered as if it were not "
    "there."
)


def make_app(
    context: Context, *, on_start: Callable[[], None] = lambda: None, login: Login | None = None
) -> FastAPI:
    """Return the application over ``context``, which it closes when it ends; a page may be mounted below it.

    The page needs a token as the API does, or with ``login`` somebody who is signed in.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        on_start()
        try:
            yield
        finally:
            await run_in_threadpool(context.serving.close)

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.context = context
    app.include_router(state.router)
    app.mount(API, Counted(make_api(context), context))
    problems.add_handlers(app, str(context.data_dir))
    limits = context.limits
    asking_themselves = frozenset(state.PATHS) | (OF_LOGIN if login is not None else frozenset())
    app.add_middleware(
        SignedIn,
        admit=by_token(context) if login is None else by_login(login, context),
        asks_itself=lambda path: path.startswith(f"{API}/") or path in asking_themselves,
        is_login=login is not None,
    )
    app.add_middleware(Bodies, limits=limits, most=lambda path: _most(path, limits.plain_body))
    app.add_middleware(Guard, hosts=context.hosts)
    return app


def make_api(context: Context) -> FastAPI:
    """Return the application below `API`, without guards."""
    api = FastAPI(
        title="finetune",
        version=version("finetune-strategies"),
        description=ABOUT,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=PROBLEMS,
    )
    api.state.context = context
    for routes in (datasets, jobs, events, models, predict, predict_batch):
        api.include_router(routes.router, prefix="/v1")
    problems.add_handlers(api, str(context.data_dir))
    _describe_problems(api)
    return api


def _most(path: str, plain: int) -> int | None:
    """Return the largest body for a path, None where the address, or the page, counts for itself."""
    if path.startswith(API + "/") and not path.endswith(("/datasets", "/predict", "/predict-batch")):
        return plain
    return None


def _describe_problems(api: FastAPI) -> None:
    """Let the OpenAPI document name the one form that all errors have, instead of FastAPI's own."""
    plain = api.openapi

    def openapi() -> dict[str, object]:
        if api.openapi_schema is None:
            document = plain()
            kinds = document["components"]["schemas"]
            kinds["ProblemAnswer"] = ProblemAnswer.model_json_schema(
                ref_template="#/components/schemas/{model}"
            )
            for name in ("HTTPValidationError", "ValidationError"):
                kinds.pop(name, None)
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
        return api.openapi_schema or plain()

    api.openapi = openapi  # type: ignore[method-assign]


class Counted:
    """Counts requests and their seconds by route, and gives every answer the API's own headers. Pure ASGI."""

    def __init__(self, app: App, context: Context) -> None:
        self._app, self._numbers = app, context.numbers

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on and count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [each for each in message.get("headers", []) if each[0].lower() != b"cache-control"]
                message = {**message, "headers": [*own, *OWN_HEADERS]}
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            route = getattr(scope.get("route"), "path", "none")
            self._numbers.requests.labels(method, route, str(status)).inc()
            self._numbers.seconds.labels(method, route).observe(time.perf_counter() - started)
