"""A data set's health as one HTML file, with the images of every finding side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from finetune.page.markup import document, style_sheets
from ui.health_words import check_words, training_images
from ui.web.data import data_html
from ui.web.details import channels_html, unreadable_html
from ui.web.words import join

STYLE = Path(__file__).parent / "style.css"


def report_html(
    name: str,
    health: Mapping[str, Any],
    *,
    thumbnails: Sequence[Mapping[str, str]] = (),
    pictures: Mapping[str, str] | None = None,
) -> str:
    """Return the whole page on the data set ``name``, styles and pictures inside.

    ``health`` is what `HealthReport.to_json` gives, with ``n_images`` and, where one was named, ``backbone``.
    """
    style = join(
        style_sheets("shared.css"), Markup(STYLE.read_text(encoding="utf-8")), style_sheets("alone.css")
    )
    body = join(
        Markup("<h1>{}</h1>").format(f"Health of {name}"),
        data_html(name, {"health": health, "thumbnails": thumbnails, "pictures": pictures or {}}),
        _check(health),
        _section(
            f"Channels of {training_images(health['split_folders'])}",
            channels_html(health.get("channels"), health.get("backbone")),
        ),
        _section("Left out, because they cannot be read", unreadable_html(health["quarantine"])),
    )
    return document(f"Health of {name}", style, body)


def _check(health: Mapping[str, Any]) -> Markup:
    told = check_words(health.get("feature_check"), health.get("backbone"))
    return Markup("<p>{}</p>").format(told) if told else Markup()


def _section(title: str, content: Markup) -> Markup:
    return Markup("<h2>{}</h2>{}").format(title, content) if content else Markup()
