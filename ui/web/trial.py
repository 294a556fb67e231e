"""The answer to an image as HTML: that it is none of the classes, and the picture of what spoke for it."""

from __future__ import annotations

import base64

from markupsafe import Markup

from ui.web.words import note_html

NOT_KNOWN = note_html(
    "None of these: the image is unlike those that the classifier was trained on. "
    "The labels are only the nearest ones."
)


def why_html(sentence: str, picture: bytes) -> Markup:
    """Return the PNG ``picture``, image and map beside each other, and the ``sentence`` that says what it shows."""
    encoded = base64.b64encode(picture).decode()
    return Markup(
        '<figure class="why"><img class="picture" src="data:image/png;base64,{}" alt="{}">'
        '<figcaption class="quiet">{}</figcaption></figure>'
    ).format(encoded, sentence, sentence)
