"""Buttons in HTML that the server made; `ui.clicks` hears when one is pressed."""

from __future__ import annotations

import re

from markupsafe import Markup

_WHAT = re.compile(r"[a-z]+(-[a-z]+)*")


def button_html(what: str, value: str, text: str, *, label: str = "", style: str = "") -> Markup:
    """Return a button that says ``text`` and, when pressed, sets the page's hidden text for ``what`` to ``value``.

    ``label`` is its name where ``text`` alone does not tell it from others; ``style`` are further classes.
    """
    named = Markup(' aria-label="{}"').format(label) if label else Markup()
    return Markup('<button type="button" class="press {}" data-click="{}:{}"{}>{}</button>').format(
        style, checked(what), value, named, text
    )


def checked(what: str) -> str:
    """Return ``what`` if it can be in an element's id: lower-case words with hyphens between."""
    assert _WHAT.fullmatch(what), what
    return what
