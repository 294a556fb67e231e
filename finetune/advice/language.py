"""The languages that advice is given in, and numbers as its sentences show them. Pure."""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]


def points(share: float) -> str:
    """Return a difference of two shares in percentage points with its sign, such as ``+3.1``; never ``-0.0``."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def percent(share: float, language: Language) -> str:
    """Return a share in per cent, such as ``93.1 %``; Chinese puts no space before the sign."""
    return f"{100 * share:.1f}{' %' if language == 'en' else '%'}"
