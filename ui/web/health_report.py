"""A data set's health as one HTML file, with the images of every finding side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ui.health_words import WHOSE_CHANNELS, training_images
from ui.web.data import data_html
from ui.web.words import join

HERE = Path(__file__).parent
MOST_UNREADABLE = 200
CHANNELS = ("red", "green", "blue")


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
    style = Markup(
        "\n".join((HERE / sheet).read_text(encoding="utf-8") for sheet in ("style.css", "health_report.css"))
    )
    body = join(
        Markup("<h1>{}</h1>").format(f"Health of {name}"),
        data_html(name, {"health": health, "thumbnails": thumbnails, "pictures": pictures or {}}),
        _channels(health.get("channels"), health.get("backbone"), training_images(health["split_folders"])),
        _quarantine(health["quarantine"]),
    )
    page = Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>{}</title>\n<style>\n{}</style></head>\n<body><main>{}</main></body></html>\n"
    )
    return str(page.format(f"Health of {name}", style, body))


def _channels(own: Mapping[str, Any] | None, backbone: Mapping[str, Any] | None, whose: str) -> Markup:
    """Return the mean and deviation a channel of ``whose`` images, beside those that the backbone is used to."""
    if own is None:
        return Markup()
    sides = [("these images", own)] + ([] if backbone is None else [(backbone["name"], backbone)])
    heads = join(
        *(
            Markup('<th scope="col">{}</th>').format(f"{kind}, {who}")
            for who, _ in sides
            for kind in ("mean", "std")
        )
    )
    rows = [
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            channel,
            join(
                *(
                    Markup("<td>{:.3f}</td>").format(side[kind][rank])
                    for _, side in sides
                    for kind in ("mean", "std")
                )
            ),
        )
        for rank, channel in enumerate(CHANNELS)
    ]
    return Markup(
        '<h2>Channels of {}</h2><div class="wide"><table><thead><tr><td></td>{}</tr></thead>'
        '<tbody>{}</tbody></table></div><p class="quiet">On the 0 to 1 scale; {}.</p>'
    ).format(whose, heads, join(*rows), WHOSE_CHANNELS)


def _quarantine(quarantine: Sequence[Mapping[str, str]]) -> Markup:
    if not quarantine:
        return Markup()
    items = [
        Markup("<li>{}: {}</li>").format(item["name"], item["reason"])
        for item in quarantine[:MOST_UNREADABLE]
    ]
    more = len(quarantine) - MOST_UNREADABLE
    rest = Markup("<p>\u2026 and {:,} more</p>").format(more) if more > 0 else ""
    return Markup('<h2>Left out, because they cannot be read</h2><ul class="quarantine">{}</ul>{}').format(
        join(*items), rest
    )
