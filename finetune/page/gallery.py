"""The surest mistakes and the least certain hits, with their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.page.markup import join, paragraph, percent, section
from finetune.words import t


def gallery_html(report: Mapping[str, Any], thumbnails: Mapping[str, str]) -> Markup:
    """Return both galleries; ``thumbnails`` are data URIs by the image's name, and one that is missing is told."""
    found = report.get("gallery")
    if not found:
        return Markup()
    mistakes, hits = found["confident_mistakes"], found["uncertain_hits"]
    return join(
        section(
            t("Most confident mistakes"),
            paragraph(
                t(
                    Markup(
                        "Some may be wrong labels. The page looks for those by “Find wrong labels” on its tab Data; "
                        "the command line by <code>finetune suspects</code>."
                    )
                ),
                quiet=True,
            )
            if mistakes
            else paragraph(t("No image was called another class.")),
            figures_html(mistakes, thumbnails),
        ),
        section(t("Least certain hits"), figures_html(hits, thumbnails)),
    )


def figures_html(images: Sequence[Mapping[str, Any]], thumbnails: Mapping[str, str]) -> Markup:
    """Return images with what they are and were called; ``thumbnails`` are their addresses by name."""
    figures = [_figure(image, thumbnails.get(image["name"], "")) for image in images]
    return Markup('<div class="gallery">{}</div>').format(join(*figures)) if figures else Markup()


def _figure(image: Mapping[str, Any], source: str) -> Markup:
    is_right = image["label"] == image["called"]
    told = t("{}, a {}, called {}").format(image["name"], image["label"], image["called"])
    shown = (
        Markup('<img src="{}" alt="{}" loading="lazy">').format(source, told)
        if source
        else Markup('<span class="gone">{}</span>').format(t("the image cannot be read any more"))
    )
    truth: str = Markup("<strong>{}</strong> {}").format(image["called"], percent(image["probability"]))
    if not is_right:
        truth = t(Markup("called {}<br>is <strong>{}</strong> {}")).format(
            truth, image["label"], percent(image["probability_of_label"])
        )
    return Markup('<figure>{}<figcaption>{}<br><span class="quiet">{}</span></figcaption></figure>').format(
        shown, truth, image["name"]
    )
