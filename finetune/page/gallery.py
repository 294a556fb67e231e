"""The surest mistakes and the least certain hits, with their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.page.markup import join, paragraph, percent, section


def gallery_html(report: Mapping[str, Any], thumbnails: Mapping[str, str]) -> Markup:
    """Return both galleries; ``thumbnails`` are data URIs by the image's name, and one that is missing is told."""
    found = report.get("gallery")
    if not found:
        return Markup()
    mistakes, hits = found["confident_mistakes"], found["uncertain_hits"]
    return join(
        section(
            "Most confident mistakes",
            paragraph(
                Markup("Some may be wrong labels: <code>finetune suspects</code> looks for those."),
                quiet=True,
            )
            if mistakes
            else paragraph("No image was called another class."),
            _figures(mistakes, thumbnails),
        ),
        section("Least certain hits", _figures(hits, thumbnails)),
    )


def _figures(images: Sequence[Mapping[str, Any]], thumbnails: Mapping[str, str]) -> Markup:
    figures = [_figure(image, thumbnails.get(image["name"], "")) for image in images]
    return Markup('<div class="gallery">{}</div>').format(join(*figures)) if figures else Markup()


def _figure(image: Mapping[str, Any], source: str) -> Markup:
    is_right = image["label"] == image["called"]
    told = f"{image['name']}, a {image['label']}, called {image['called']}"
    shown = (
        Markup('<img src="{}" alt="{}">').format(source, told)
        if source
        else Markup('<span class="gone">the image cannot be read any more</span>')
    )
    truth = Markup("<strong>{}</strong> {}").format(image["called"], percent(image["probability"]))
    if not is_right:
        truth = Markup("called {}<br>is <strong>{}</strong> {}").format(
            truth, image["label"], percent(image["probability_of_label"])
        )
    return Markup('<figure>{}<figcaption>{}<br><span class="quiet">{}</span></figcaption></figure>').format(
        shown, truth, image["name"]
    )
