"""Whom the server answers: browsers on its own pages, under its own names. Pure ASGI, so that streams stream."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost"})

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
REFUSALS = {
    400: ("Bad Request", "the Host header names another server; use this one's own name or address"),
    403: ("Forbidden", "another web site sent this request; only this server's own pages may"),
}
CORS = b"access-control-"
"""Gradio sends such headers to its own origin, which needs none."""
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # Under no-referrer a browser sends a form of this server's own with the Origin null.
    (b"referrer-policy", b"same-origin"),
)


@dataclass(frozen=True)
class Hosts:
    """The names that the server goes by: ``names``, in lower case, and with ``any_address`` every IP address.

    An address cannot be rebound to another server as a name can, so that it needs no list.
    """

    names: frozenset[str] = LOCAL_NAMES
    any_address: bool = False

    def knows(self, host: str) -> bool:
        """Whether the Host header ``host``, with or without a port, names this server."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].lower()
        return name in self.names or (self.any_address and _is_address(name.strip("[]")))


LOCAL = Hosts()


class Guard:
    """Answers 400 to a foreign Host (DNS rebinding) and 403 to a foreign Origin (a web site that posts here)."""

    def __init__(self, app: App, hosts: Hosts = LOCAL) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it; every answer carries the security headers."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        code = refusal(headers, self._hosts)
        if code and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif code:
            await _refuse(code, _with_headers(send))
        else:
            await self._app(scope, receive, _with_headers(send))


def refusal(headers: Mapping[str, str], hosts: Hosts = LOCAL) -> int:
    """Return the HTTP status to refuse a request with these (lower-case) headers by, or 0 to let it through."""
    host = headers.get("host", "")
    if not hosts.knows(host):
        return 400
    # A proxy that speaks TLS for this server makes its origin https.
    if headers.get("origin", f"http://{host}") not in (f"http://{host}", f"https://{host}"):
        return 403
    # A link from elsewhere may open the page; nothing else may come from elsewhere.
    is_link = headers.get("sec-fetch-mode") == "navigate"
    return 403 if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_link else 0


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(code: int, send: Send) -> None:
    title, detail = REFUSALS[code]
    body = json.dumps({"type": "about:blank", "title": title, "status": code, "detail": detail}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    """Add the security headers that an answer does not bring itself, and let none allow other sites anything."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = message.get("headers", [])
            own = [header for header in given if not header[0].lower().startswith(CORS)]
            there = {name.lower() for name, _ in own}
            message["headers"] = [*own, *(header for header in HEADERS if header[0] not in there)]
        await send(message)

    return sending
