"""Small pieces that all sections share: joining, errors, a bar with the time left, lengths of time."""

from __future__ import annotations

from markupsafe import Markup

from finetune.page.markup import join, time_words
from finetune.service.status import Status
from finetune.words import language, noted, t
from ui.chinese import in_chinese

__all__ = ["error_html", "join", "note_html", "progress_html", "spoken", "time_words"]

WAITING = noted("waiting for its turn: {} before it on this computer")


def error_html(sentence: str) -> Markup:
    """Return an error's sentence as the page shows it, in the language that is spoken."""
    text = t(Markup("<strong>Error:</strong> {}")).format(spoken(sentence))
    return Markup('<p class="told-error" role="alert">{}</p>').format(text)


def note_html(sentence: str) -> Markup:
    """Return a quiet sentence, such as why a section is still closed."""
    return Markup('<p class="quiet">{}</p>').format(sentence)


def progress_html(status: Status) -> Markup:
    """Return the present work as a bar, with how far it is and the time left."""
    share = status.done / status.total if status.total else None
    title = spoken(status.phase)
    if not title and status.state == "waiting":
        title = t(WAITING).format(status.n_before) if status.n_before else t("about to begin")
    counted = t("{:,} of {:,}").format(status.done, status.total) if status.total > 1 else ""
    left = "" if status.left_s is None or share == 1 else t("{} left").format(time_words(status.left_s))
    told = t(", ").join(part for part in (counted, left) if part)
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


def spoken(sentence: str) -> str:
    """Return what the program has said of itself, or an error's sentence, in the language that is spoken."""
    return in_chinese(sentence) if language() == "zh" else sentence
