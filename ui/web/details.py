"""Details of a data set's health as HTML: channels beside the backbone's, and the files that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ui.health_words import WHOSE_CHANNELS, training_images
from ui.web.data import MOST_EXAMPLES
from ui.web.words import join

MOST_UNREADABLE = 200
CHANNELS = ("red", "green", "blue")
KINDS = ("mean", "std")


def folded_details(health: Mapping[str, Any], backbone: Mapping[str, Any] | None) -> Markup:
    """Return what the page folds away below the findings, which name the first unreadable files already.

    ``health`` and ``backbone`` are as in `ui.web.health_report.report_html`.
    """
    quarantine = health.get("quarantine", ())
    listed = unreadable_html(quarantine) if len(quarantine) > MOST_EXAMPLES else Markup()
    whose = training_images(health.get("split_folders", {}))
    return join(
        _folded(f"All {len(quarantine):,} unreadable files", listed),
        _folded(
            f"Channels of {whose}",
            channels_html(health.get("channels"), backbone),
        ),
    )


def _folded(title: str, content: Markup) -> Markup:
    fold = Markup('<details class="fold"><summary>{}</summary>{}</details>')
    return fold.format(title, content) if content else Markup()


def channels_html(own: Mapping[str, Any] | None, backbone: Mapping[str, Any] | None) -> Markup:
    """Return the images' mean and deviation a channel, beside those that the backbone is used to."""
    if own is None:
        return Markup()
    sides = [("these images", own)] + ([] if backbone is None else [(backbone["name"], backbone)])
    heads = join(
        *(Markup('<th scope="col">{}</th>').format(f"{kind}, {who}") for who, _ in sides for kind in KINDS)
    )
    rows = [
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            channel, _cells(rank, [side for _, side in sides])
        )
        for rank, channel in enumerate(CHANNELS)
    ]
    return Markup(
        '<div class="wide" tabindex="0" role="group" aria-label="Channels"><table><thead><tr><td></td>{}</tr>'
        '</thead><tbody>{}</tbody></table></div><p class="quiet">On the 0 to 1 scale; {}.</p>'
    ).format(heads, join(*rows), WHOSE_CHANNELS)


def _cells(rank: int, sides: Sequence[Mapping[str, Any]]) -> Markup:
    return join(*(Markup("<td>{:.3f}</td>").format(side[kind][rank]) for side in sides for kind in KINDS))


def unreadable_html(quarantine: Sequence[Mapping[str, str]]) -> Markup:
    """Return the list of files that cannot be read, each with its reason."""
    if not quarantine:
        return Markup()
    items = [
        Markup("<li>{}: {}</li>").format(item["name"], item["reason"])
        for item in quarantine[:MOST_UNREADABLE]
    ]
    more = len(quarantine) - MOST_UNREADABLE
    rest = Markup("<p>\u2026 and {:,} more</p>").format(more) if more > 0 else ""
    return Markup('<ul class="quarantine">{}</ul>{}').format(join(*items), rest)
