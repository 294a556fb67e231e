"""Whose event or download is being handled, where people sign in; `Service` asks.

It is said by the handler of each (`asked_by`), and not by what goes around a request: an event may be handled by a
task of Gradio's own that began with somebody else's.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any

import gradio as gr
from fastapi import Request

from finetune.service.api.signed_in import OWNER

_asking: ContextVar[str] = ContextVar("asking")


def asking() -> str:
    """Return the owner who asks; raises LookupError where nobody has said."""
    return _asking.get()


@contextlib.contextmanager
def asked_by(owner: str | None) -> Iterator[None]:
    """Let `asking` return ``owner`` within; None is nobody."""
    if owner is None:
        yield
        return
    before = _asking.set(owner)
    try:
        yield
    finally:
        _asking.reset(before)


def owner_of(request: Request) -> str | None:
    """Return whose request it is, None where nobody is asked to sign in."""
    found: str | None = getattr(request.state, OWNER, None)
    return found


async def of_request(request: Request) -> AsyncIterator[None]:
    """Say who asks while a download is handled; a dependency of its route."""
    with asked_by(owner_of(request)):
        yield


def of_event(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``handler`` such that it says who asks, as Gradio tells it."""

    def handle(request: gr.Request, *given: Any) -> Any:
        with asked_by(request.username):
            return handler(*given)

    return handle
