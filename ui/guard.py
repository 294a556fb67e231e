"""Who may talk to the page: this computer's own browser, from the page itself. Pure ASGI, so that streams stream."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

LOCAL_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.ASCII | re.IGNORECASE)

POLICY = "; ".join(
    (
        "default-src 'self'",
        # Gradio's own pages start from inline scripts and compile templates.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class LocalOnly:
    """Answers 400 to a foreign Host (DNS rebinding) and 403 to a foreign Origin (a web site that posts here)."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it; every answer carries the security headers."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        code = refusal(headers)
        if code:
            await _refuse(code, send)
            return
        await self._app(scope, receive, _with_headers(send))


def refusal(headers: Mapping[str, str]) -> int:
    """Return the HTTP status to refuse a request with these (lower-case) headers by, or 0 to let it through."""
    host = headers.get("host", "")
    if not LOCAL_HOST.fullmatch(host):
        return 400
    if headers.get("origin", f"http://{host}") != f"http://{host}":
        return 403
    # A link from elsewhere may open the page; nothing else may come from elsewhere.
    is_link = headers.get("sec-fetch-mode") == "navigate"
    return 403 if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_link else 0


async def _refuse(code: int, send: Send) -> None:
    await send({"type": "http.response.start", "status": code, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"This page answers only its own computer.\n"})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *HEADERS]
        await send(message)

    return sending
