"""What goes wrong, as `application/problem+json` (RFC 9457): one sentence in ``detail``, nothing of the inside."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from finetune.errors import DataError, FinetuneError, OptionError, ResourceError, RunError, WeightsError
from finetune.service.serving import Busy

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
OF_ERRORS: tuple[tuple[type[FinetuneError], int], ...] = (
    (Busy, 429),
    (OptionError, 422),
    (DataError, 422),
    (WeightsError, 422),
    (RunError, 409),
    (ResourceError, 503),
)
"""The status that each kind of the program's own errors is answered with."""
RETRY_AFTER_S = "2"
LEFT = 499
"""What is counted, as nginx does, where the client has gone before its request was whole: nobody hears an answer."""
MOST_WRONG = 20
_SENTENCES = {
    404: "there is nothing at this address; /api/v1/openapi.json lists what there is",
    405: "this address does not take this method; the Allow header names those it takes",
}
_FAULT = "the server failed at this; its log says why, please report it"
log = logging.getLogger("finetune.service.api")


class Problem(HTTPException):
    """An answer other than the one that was asked for: ``detail`` is a sentence, ``more`` further members."""

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.more = more


def problem_json(status: int, detail: str, **more: Any) -> dict[str, Any]:
    """Return the members of a problem."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }


def answer(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """Return the response that tells a problem."""
    return JSONResponse(
        problem_json(status, detail, **more), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def add_handlers(app: FastAPI, hidden: str) -> None:
    """Let every error of ``app`` leave as a problem; the folder ``hidden`` is not told of."""

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        more = error.more if isinstance(error, Problem) else {}
        own = isinstance(error, Problem)
        detail = error.detail if own else _SENTENCES.get(error.status_code, _plain(error.detail))
        return answer(error.status_code, detail, headers=error.headers, **more)

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        wrong = [_wrong(each) for each in error.errors()[:MOST_WRONG]]
        return answer(422, f"{wrong[0]['where']}: {_plain(wrong[0]['what'])}", errors=wrong)

    async def own(_request: Request, error: Exception) -> Response:
        assert isinstance(error, FinetuneError)
        status = next((code for kind, code in OF_ERRORS if isinstance(error, kind)), 500)
        headers = {"Retry-After": RETRY_AFTER_S} if status in (429, 503) else None
        return answer(status, _hide(str(error), hidden), headers=headers)

    async def left(_request: Request, _error: Exception) -> Response:
        return Response(status_code=LEFT)

    async def fault(_request: Request, _error: Exception) -> Response:
        # Starlette raises the error again after this answer, so that the server logs its traceback.
        return answer(500, _FAULT)

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(FinetuneError, own)
    app.add_exception_handler(ClientDisconnect, left)
    app.add_exception_handler(Exception, fault)


def _plain(text: str) -> str:
    first = text[:1] if text[1:2].isupper() else text[:1].lower()
    return first + text[1:].rstrip(".")


def _wrong(error: Mapping[str, Any]) -> dict[str, str]:
    if error["type"] == "json_invalid":
        kind, position = error["loc"]
        return {"where": str(kind), "what": f"it is no JSON from character {position} on"}
    kind, *inside = error["loc"]
    return {"where": ".".join(map(str, inside)) or str(kind), "what": str(error["msg"])}


def _hide(text: str, folder: str) -> str:
    return text.replace(f"{folder}/", "").replace(folder, "the server's folder")
