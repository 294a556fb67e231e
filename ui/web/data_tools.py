"""What can be done with the images besides training, as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ui.web.words import join, note_html

FATES: Mapping[str, str] = {
    "rename": "{:,} given the right ending",
    "rewrite": "{:,} written anew as PNG",
    "quarantine": "{:,} unreadable or in two classes at once left out",
    "drop": "{:,} duplicates left out",
}


def report_link(address: str) -> Markup:
    """Return the link to the health report at ``address``."""
    return Markup(
        '<p><a class="download second" href="{}" download>Download the health report</a></p>'
    ).format(address)


def cleaned_html(result: Mapping[str, Any], address: str) -> Markup:
    """Return what cleaning came to and the link to the copy; ``result`` as `finetune.service.data_work` writes it."""
    fates = [words.format(n) for kind, words in FATES.items() if (n := result["actions"].get(kind))]
    told = Markup("<p>{:,} images are in the cleaned copy{}{}.</p>").format(
        result["kept"], ": " if fates else "", ", ".join(fates)
    )
    link = Markup('<p><a class="download second" href="{}" download>Download the cleaned copy (zip)</a></p>')
    return join(told, link.format(address))


def preview_html(result: Mapping[str, Any], address: str) -> Markup:
    """Return the sheet of an augmentation policy, which lies at ``address``, and the notes on it."""
    strengths = ", ".join(f"{name} {value:g}" for name, value in result["strengths"].items())
    told = f"Augmentation {result['policy']}: {strengths or 'images stay as they are'}."
    notes = [note_html(note.removeprefix("note: ")) for note in result["notes"]]
    sheet = Markup(
        '<div class="wide" tabindex="0" role="group" aria-label="Augmentation preview">'
        '<img class="sheet" src="{}" alt="{}"></div>'
    ).format(address, f"Up to eight of your images, a row for each step. {told}")
    return join(Markup("<p>{}</p>").format(told), *notes, sheet)
