"""The answer to one image as HTML: bars, what to make of them, and the picture of what spoke for it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from finetune.words import noted, t
from ui.web.words import join, note_html

if TYPE_CHECKING:
    from finetune.service.predictor import Answer, Why

MOST_PLAUSIBLE = 8
NO_ANSWER = noted("The answer will stand here, as soon as there is an image.")
NOT_KNOWN = noted(
    "None of these: the image is unlike those that the classifier was trained on. "
    "The labels are only the nearest ones."
)
CALIBRATED = noted("The percentages are calibrated: of the answers given 80 %, about 8 in 10 are right.")


def answer_html(answer: Answer, *, label: str = "", is_calibrated: bool = False) -> Markup:
    """Return what the classifier says of an image, with what it is ``label``-led as where that is known."""
    best, share = answer.top[0]
    is_unknown = answer.known is False
    headline = t("None of these") if is_unknown else best
    how_sure = "" if is_unknown else Markup(" <span>{}</span>").format(percent_words(share))
    return Markup(
        '<div class="answered{}" role="status"><p class="headline"><strong>{}</strong>{}</p>{}</div>'
    ).format(
        " unknown" if is_unknown else "",
        headline,
        how_sure,
        join(
            Markup('<p class="told-warning">{}</p>').format(t(NOT_KNOWN)) if is_unknown else "",
            bars_html(answer.top),
            _not_sure(answer),
            _truth_html(label, best),
            note_html(t(CALIBRATED)) if is_calibrated else "",
        ),
    )


def bars_html(top: Sequence[tuple[str, float]]) -> Markup:
    """Return the labels with their probabilities, best first, as a list that can be read without seeing the bars."""
    rows = [
        Markup(
            '<li><span class="bar-name">{}</span>'
            '<span class="bar-track" aria-hidden="true"><span class="bar-fill" style="width:{:.1f}%"></span></span>'
            '<span class="bar-count">{}</span></li>'
        ).format(name, 100 * share, percent_words(share))
        for name, share in top
    ]
    return Markup('<ol class="answers" aria-label="{}">{}</ol>').format(
        t("Labels with their probabilities"), join(*rows)
    )


def percent_words(share: float) -> str:
    """Return a probability in whole percent, without calling anything certain or impossible."""
    if share > 0.995:
        return "> 99 %"
    return f"{100 * share:.0f} %" if share >= 0.005 else "< 1 %"


def _not_sure(answer: Answer) -> Markup:
    """Return which classes are plausible where these are several and the image is of a known kind."""
    plausible = answer.plausible or ()
    if len(plausible) < 2 or answer.known is False:
        return Markup()
    shown = ", ".join(plausible[:MOST_PLAUSIBLE])
    if len(plausible) > MOST_PLAUSIBLE:
        shown = t("{} and {:,} more").format(shown, len(plausible) - MOST_PLAUSIBLE)
    told = t("Not sure: in 9 of 10 such cases the true class is among {}.").format(shown)
    return Markup('<p class="told-note">{}</p>').format(told)


def _truth_html(label: str, said: str) -> Markup:
    """Return whether the answer is right, nothing where nobody knows."""
    if not label:
        return Markup()
    is_right = label == said
    told = (
        t(Markup("✓ Right: in your data it is labelled <strong>{}</strong>."))
        if is_right
        else t(Markup("✗ In your data it is labelled <strong>{}</strong>."))
    )
    return Markup('<p class="truth {}">{}</p>').format(
        "right" if is_right else "wrong", Markup(told).format(label)
    )


def why_html(why: Why) -> Markup:
    """Return the image under its heat map, with a slider for how far that covers it and one for how strongly.

    Ranges of the browser's own: they work by keyboard and say where they are.
    """
    told = (
        t("Nothing in the image speaks for {} ({}).")
        if why.is_empty
        else t("Under the heat map: yellow is what speaks for {} ({}). The dark margin was not looked at.")
    ).format(why.explained, why.method)
    return Markup(
        '<figure class="why"><div class="stacked"><img src="{}" alt="{}"><img class="heat" src="{}" alt="{}"></div>'
        "{}{}"
        '<figcaption class="quiet">{}</figcaption></figure>'
    ).format(
        _jpeg(why.image),
        t("The image as it is"),
        _jpeg(why.heat),
        told,
        _range(t("Original ↔ heat map"), "cut", 60),
        _range(t("Strength of the heat map"), "strength", 100),
        told,
    )


def _range(label: str, property_name: str, value: int) -> Markup:
    return Markup(
        '<label class="slider"><span>{}</span><input type="range" min="0" max="100" value="{}" '
        "oninput=\"this.closest('.why').style.setProperty('--{}', this.value + '%')\"></label>"
    ).format(label, value, property_name)


def _jpeg(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
