"""The languages that advice is given in, and numbers as its sentences show them. Pure."""

from __future__ import annotations

from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def points(share: float) -> str:
    """Return a difference of two shares in percentage points with its sign, such as ``+3.1``; never ``-0.0``."""
    return f"{round(100 * share, 1) + 0.0:+.1f}"


def hundredths(value: float) -> str:
    """Return a number to two decimals, such as ``0.79``; never ``-0.00``."""
    return f"{round(value, 2) + 0.0:.2f}"


def percent(share: float, language: Language) -> str:
    """Return a share in per cent, such as ``93.1 %``; Chinese puts no space before the sign."""
    return f"{100 * share:.1f}{' %' if language == 'en' else '%'}"


def duration(seconds: float, language: Language) -> str:
    """Return a length of time such as ``40 s``, ``3.2 min`` or ``2.1 h``."""
    number, unit = _in_units(seconds)
    words = {"s": "秒", "min": "分钟", "h": "小时"}
    return f"{number} {unit}" if language == "en" else f"{number} {words[unit]}"


def _in_units(seconds: float) -> tuple[str, str]:
    if seconds < 99.5:
        return f"{max(1, round(seconds))}", "s"
    minutes = seconds / 60
    return (f"{minutes:.1f}", "min") if minutes < 90 else (f"{minutes / 60:.1f}", "h")
