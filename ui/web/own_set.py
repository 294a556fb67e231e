"""A data set that grows in the page, as HTML: its classes so far, each with its images, and which can be removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from finetune.words import t
from ui.web.buttons import button_html
from ui.web.words import join, note_html

REMOVE = "remove-added"
MOST_SHOWN = 24


def own_set_html(classes: Mapping[str, Sequence[str]], address: str, *, name: str = "") -> Markup:
    """Return the added images, names by class; each one's picture lies at ``address`` and its name.

    ``name`` is the data set that they are added to, empty for one of these images alone.
    """
    if not classes:
        return note_html(
            t(
                "Write a class, choose images of it or take one with the camera, and press Add. Two classes with a "
                "dozen images each are enough to begin."
            )
        )
    n_images = sum(map(len, classes.values()))
    told = (
        t("{} images in {} classes have been added to {}.").format(n_images, len(classes), name)
        if name
        else t("So far: {} images in {} classes.").format(n_images, len(classes))
    )
    return join(
        Markup("<p>{}</p>").format(told),
        *(_class(label, names, address) for label, names in classes.items()),
    )


def _class(label: str, names: Sequence[str], address: str) -> Markup:
    figures = [
        Markup('<figure><img src="{}{}" alt="{}" loading="lazy">{}</figure>').format(
            address,
            name,
            t("image {} of {}").format(number, label),
            button_html(
                REMOVE,
                name,
                "\N{MULTIPLICATION SIGN}",
                label=t("Remove image {} of {}").format(number, label),
            ),
        )
        for number, name in reversed(list(enumerate(names, start=1)))
    ]
    more = len(figures) - MOST_SHOWN
    rest = Markup("<p>{}</p>").format(t("… and {:,} more").format(more)) if more > 0 else Markup()
    return Markup('<h3 class="own-class">{} <span>{}</span></h3><div class="own-images">{}</div>{}').format(
        label, len(names), join(*figures[:MOST_SHOWN]), rest
    )
