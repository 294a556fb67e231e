"""Images to choose from as HTML: held-out ones to try, and many answers with a picture each."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from finetune.service.held_out import HeldOut
from finetune.service.trials import Asked, Trial
from finetune.words import t
from ui.web.trial import percent_words
from ui.web.words import join, note_html, spoken

HELD_OUT, ASKED = "held-out", "asked"
"""What was clicked: the attribute ``data-click`` is one of these, a colon, and the image's number."""
MOST_COUNTS = 12


def held_out_html(images: Sequence[HeldOut], address: str) -> Markup:
    """Return buttons with the pictures at ``address``; what each is labelled as is told with the answer only."""
    if not images:
        return Markup()
    told = t("Nothing at hand? Try an image of yours that training has not seen:")
    buttons = [
        Markup(
            '<li><button type="button" data-click="{}:{}"><img src="{}/{}" alt="{}" loading="lazy"></button></li>'
        ).format(HELD_OUT, number, address, number, t("Held-out image {}").format(number + 1))
        for number in range(len(images))
    ]
    return join(note_html(told), Markup('<ul class="tiles small">{}</ul>').format(join(*buttons)))


def trial_html(trial: Trial, *, pictures: str, table: str) -> Markup:
    """Return what was said of many images: in all, the file of all answers, and the first with their pictures."""
    n_images = sum(trial.counts.values()) + trial.n_errors
    download = Markup('<p><a class="download" href="{}" download>{}</a></p>').format(
        table, t("Download all answers (CSV)")
    )
    tiles = [_tile(asked, number, pictures) for number, asked in enumerate(trial.shown)]
    rest = n_images - len(trial.shown)
    return join(
        Markup('<p class="headline">{}</p>').format(_in_all(trial, n_images)),
        _counts(trial),
        download,
        note_html(t("Press an image to see it large, with all its probabilities, and to ask why.")),
        Markup('<ul class="tiles" aria-label="{}">{}</ul>').format(t("Answers"), join(*tiles)),
        note_html(t("{:,} more are in the file only.").format(rest)) if rest > 0 else "",
    )


def _in_all(trial: Trial, n_images: int) -> str:
    told = [t("{:,} images, asked of {}").format(n_images, trial.model)]
    if trial.n_unknown:
        told.append(t("{:,} are none of the classes").format(trial.n_unknown))
    if trial.n_errors:
        told.append(t("{:,} cannot be read").format(trial.n_errors))
    return t("; ").join(told)


def _counts(trial: Trial) -> Markup:
    """Return how many images got each label, the most first."""
    rows = list(trial.counts.items())
    told = [f"{name} {count:,}" for name, count in rows[:MOST_COUNTS] if name]
    if len(rows) > MOST_COUNTS:
        told.append("…")
    return Markup('<p class="quiet">{}</p>').format(" · ".join(told))


def _tile(asked: Asked, number: int, pictures: str) -> Markup:
    """Return one image's button; one that cannot be read is told in its place."""
    if asked.picture is None:
        words = Markup('<div class="tile broken"><span class="name">{}</span><span>{}</span></div>')
        return Markup("<li>{}</li>").format(words.format(asked.name, spoken(asked.error)))
    unknown = (
        Markup('<span class="badge">{}</span>').format(t("None of these")) if asked.known is False else ""
    )
    return Markup(
        '<li><button type="button" data-click="{}:{}"><img src="{}/{}" alt="" loading="lazy">'
        '<span class="said-of"><strong>{}</strong> {}</span>{}<span class="name">{}</span></button></li>'
    ).format(
        ASKED, number, pictures, number, asked.label, percent_words(asked.probability), unknown, asked.name
    )
