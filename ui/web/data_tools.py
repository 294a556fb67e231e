"""What can be done with the images besides training, as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from finetune.words import noted, t
from ui.web.words import join, note_html, spoken

FATES: Mapping[str, str] = {
    "drop": noted("Left out as duplicates: {:,}."),
    "quarantine": noted("Left out as unreadable or in two classes at once: {:,}."),
    "rewrite": noted("Written anew as PNG: {:,}."),
    "rename": noted("Given the right ending: {:,}."),
}


def report_link(address: str) -> Markup:
    """Return the link to the health report at ``address``."""
    return Markup('<p><a class="download second" href="{}" download>{}</a></p>').format(
        address, t("Download the health report")
    )


def cleaned_html(result: Mapping[str, Any], address: str) -> Markup:
    """Return what cleaning came to and the link to the copy; ``result`` as `finetune.service.data_work` writes it."""
    fates = [t(words).format(n) for kind, words in FATES.items() if (n := result["actions"].get(kind))]
    kept = t("Images in the cleaned copy: {:,}.").format(result["kept"])
    told = Markup("<p>{}</p>").format(" ".join([kept, *fates]))
    link = Markup('<p><a class="download second" href="{}" download>{}</a></p>')
    return join(told, link.format(address, t("Download the cleaned copy (zip)")))


def preview_html(result: Mapping[str, Any], address: str) -> Markup:
    """Return the sheet of an augmentation policy, which lies at ``address``, and the notes on it."""
    strengths = ", ".join(f"{name} {value:g}" for name, value in result["strengths"].items())
    told = t("Augmentation {}: {}.").format(result["policy"], strengths or t("images stay as they are"))
    notes = [note_html(spoken(note.removeprefix("note: "))) for note in result["notes"]]
    sheet = Markup(
        '<div class="wide sheet-frame" tabindex="0" role="group" aria-label="{}">'
        '<img class="sheet" src="{}" alt="{}"></div>'
    ).format(
        t("Augmentation preview"),
        address,
        t("Up to eight of your images, a row for each step. {}").format(told),
    )
    return join(Markup("<p>{}</p>").format(told), *notes, sheet)
