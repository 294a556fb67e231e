"""How an event of the page is wired to what it does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

from finetune.advice.language import Language
from finetune.words import language, speaking
from ui.asking import of_event


def on(
    event: Callable[..., Any],
    handler: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    *,
    preprocess: bool = True,
    trigger_mode: Literal["once", "multiple", "always_last"] | None = None,
) -> None:
    """Wire an event by plain requests, without Gradio's queue.

    The queue drops a tab's waiting events when the tab closes its stream, which it does after each answer: a button
    pressed in that moment did nothing. Nothing here takes long, for all long work runs in processes of its own.
    """
    event(
        of_event(_in_language(handler, language())),
        list(inputs),
        list(outputs),
        queue=False,
        preprocess=preprocess,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode=trigger_mode,
    )


def _in_language(handler: Callable[..., Any], spoken: Language) -> Callable[..., Any]:
    """Return ``handler`` speaking the language that its page was made in."""

    @functools.wraps(handler)
    def handle(*given: Any) -> Any:
        with speaking(spoken):
            return handler(*given)

    return handle
