"""Where people sign in and out: ``/login`` and ``/logout``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from finetune.advice.language import Language
from finetune.service.api.signed_in import LOGIN, LOGOUT
from finetune.service.login import Attempt, Login
from finetune.service.users import LONGEST_S
from ui.languages import COOKIE as LANGUAGE_COOKIE
from ui.languages import KEPT_S, PLACES, preferred
from ui.login_page import login_html, said

if TYPE_CHECKING:
    from fastapi import FastAPI

MOST_BYTES = 10_000
"""Of a form with a name and a password."""
AT_A_TIME = 2
"""Passwords looked at together: each takes 32 MiB and a processor for some tenths of a second."""

OTHERS = ("PUT", "PATCH", "DELETE", "OPTIONS")


def add_login(app: FastAPI, login: Login) -> None:
    """Add both addresses to ``app``."""
    place = _Door(login)
    app.add_route(LOGIN, place.show, methods=["GET"])
    app.add_route(LOGIN, place.sign_in, methods=["POST"])
    app.add_route(LOGOUT, place.sign_out, methods=["POST"])
    # Else Gradio would answer them, whoever asks.
    for path, methods in ((LOGIN, OTHERS), (LOGOUT, ("GET", *OTHERS))):
        app.add_route(path, _no_such_method, methods=[*methods])


class _Door:
    def __init__(self, login: Login) -> None:
        self._login = login
        self._turns = anyio.CapacityLimiter(AT_A_TIME)

    async def show(self, request: Request) -> Response:
        """Show the form, to those who are not signed in."""
        headers = dict(request.headers.raw)
        if await anyio.to_thread.run_sync(self._login.whose, headers) is not None:
            return RedirectResponse("/", 303)
        chosen = request.query_params.get("lang", "")
        language: Language = chosen if chosen in PLACES else _language(request)
        if "out" in request.query_params:
            return _page(login_html(language, told=said("out", language), error=False))
        answer = _page(login_html(language))
        if chosen in PLACES:
            answer.set_cookie(LANGUAGE_COOKIE, chosen, max_age=KEPT_S, httponly=True, samesite="lax")
        return answer

    async def sign_in(self, request: Request) -> Response:
        """Look at a name and a password; whoever is right gets a new session."""
        language = _language(request)
        fields = await _form(request)
        if fields is None:
            return _page(login_html(language, told=said("large", language)), 413)
        name, password = fields.get("name", ""), fields.get("password", "")
        address = request.client.host if request.client else ""
        earlier = self._login.secret_in(dict(request.headers.raw))
        attempt = await anyio.to_thread.run_sync(
            self._login.sign_in, name, password, address, earlier, limiter=self._turns
        )
        if not attempt.secret:
            return _refused(attempt, name, language)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            self._login.cookie,
            attempt.secret,
            max_age=LONGEST_S,
            httponly=True,
            samesite="lax",
            secure=_is_secure(request),
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        secret = self._login.secret_in(dict(request.headers.raw))
        await anyio.to_thread.run_sync(self._login.sign_out, secret)
        answer = RedirectResponse(f"{LOGIN}?out", 303)
        answer.delete_cookie(self._login.cookie, httponly=True, samesite="lax", secure=_is_secure(request))
        return answer


async def _no_such_method(_request: Request) -> Response:
    return Response(status_code=405, headers={"Allow": "POST"})


def _refused(attempt: Attempt, name: str, language: Language) -> Response:
    shown = name[:100]
    if not attempt.wait_s:
        return _page(login_html(language, told=said("wrong", language), given=shown), 401)
    answer = _page(login_html(language, told=said("many", language, attempt.wait_s), given=shown), 429)
    answer.headers["Retry-After"] = str(math.ceil(attempt.wait_s))
    return answer


def _page(html: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(html, status, headers={"cache-control": "no-store"})


async def _form(request: Request) -> dict[str, str] | None:
    """Return the last value of each field of a form, None for one that is too large."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            return None
    try:
        fields = parse_qs(body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in fields.items()}


def _language(request: Request) -> Language:
    return preferred({name: value.decode("latin-1") for name, value in request.headers.raw})


def _is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS; to a proxy in front of this server, it says by the origin of its form."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")
