"""Presses of buttons in HTML that the server made: each sets a hidden text, whose event tells what was pressed.

``data-click="WHAT:VALUE"`` on a button (`ui.web.buttons`) sets the text that `pressed_text` makes for ``WHAT``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ui.web.buttons import checked
from ui.wiring import on

SCRIPT = Path(__file__).parent / "web" / "clicks.js"


def pressed_text(what: str) -> gr.Textbox:
    """Return the hidden text that holds which button for ``what`` was pressed last; to be made inside the page."""
    return gr.Textbox("", visible="hidden", elem_id=f"clicked-{checked(what)}", show_label=False)


def on_press(
    pressed: gr.Textbox, handler: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any]
) -> None:
    """Call ``handler`` with ``inputs`` and the value of each button that is pressed; ``pressed`` is its text.

    A press while an earlier one is answered counts too.
    """

    @functools.wraps(handler)
    def handle(*given: Any) -> Any:
        return handler(*given[:-1], value_of(given[-1]))

    on(pressed.change, handle, [*inputs, pressed], outputs, trigger_mode="multiple")


def value_of(text: str) -> str:
    """Return the button's value without the count before it, by which the same button twice is a change."""
    return text.partition(":")[2]


def clicks_head() -> str:
    """Return the script for the page's head."""
    return f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
