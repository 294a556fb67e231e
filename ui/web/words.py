"""Small pieces that all sections share: joining, errors, a bar with the time left, lengths of time."""

from __future__ import annotations

from markupsafe import Markup

from finetune.page.markup import join, time_words
from finetune.service.status import Status

__all__ = ["error_html", "join", "note_html", "progress_html", "time_words"]

WAITING = "waiting for another training on this computer to end"


def error_html(sentence: str) -> Markup:
    """Return an error's sentence as the page shows it."""
    return Markup('<p class="told-error" role="alert"><strong>Error:</strong> {}</p>').format(sentence)


def note_html(sentence: str) -> Markup:
    """Return a quiet sentence, such as why a section is still closed."""
    return Markup('<p class="quiet">{}</p>').format(sentence)


def progress_html(status: Status) -> Markup:
    """Return the present work as a bar, with how far it is and the time left."""
    share = status.done / status.total if status.total else None
    title = status.phase or (WAITING if status.state == "waiting" else "")
    counted = f"{status.done:,} of {status.total:,}" if status.total > 1 else ""
    left = "" if status.left_s is None or share == 1 else f"{time_words(status.left_s)} left"
    told = ", ".join(part for part in (counted, left) if part)
    known = Markup(' aria-valuemin="0" aria-valuemax="100" aria-valuenow="{:.0f}"').format(100 * (share or 0))
    bar = Markup(
        '<div class="progress-track" role="progressbar" aria-label="{}"{}>'
        '<div class="progress-fill{}" style="width:{:.1f}%"></div></div>'
    ).format(
        title,
        "" if share is None else known,
        " unknown" if share is None else "",
        100 if share is None else 100 * share,
    )
    return Markup('<div class="progress"><p><strong>{}</strong> <span>{}</span></p>{}</div>').format(
        title[:1].upper() + title[1:], told, bar
    )
