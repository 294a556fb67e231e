"""Details of a data set's health as HTML: channels beside the backbone's, and the files that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.words import noted, t
from ui.health_words import WHOSE_CHANNELS, training_images
from ui.web.data import MOST_EXAMPLES
from ui.web.finding_words import said_finding
from ui.web.words import join

MOST_UNREADABLE = 200
CHANNELS = (noted("red"), noted("green"), noted("blue"))
KINDS = ("mean", "std")
HEADS = {"mean": noted("mean, {}"), "std": noted("std, {}")}


def folded_details(health: Mapping[str, Any], backbone: Mapping[str, Any] | None) -> Markup:
    """Return what the page folds away below the findings, which name the first unreadable files already.

    ``health`` and ``backbone`` are as in `ui.web.health_report.report_html`.
    """
    quarantine = health.get("quarantine", ())
    listed = unreadable_html(quarantine) if len(quarantine) > MOST_EXAMPLES else Markup()
    whose = training_images(health.get("split_folders", {}))
    return join(
        _folded(t("All {:,} unreadable files").format(len(quarantine)), listed),
        _folded(
            t("Channels of {}").format(whose),
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
    sides = [(t("these images"), own)] + ([] if backbone is None else [(backbone["name"], backbone)])
    heads = join(
        *(
            Markup('<th scope="col">{}</th>').format(t(HEADS[kind]).format(who))
            for who, _ in sides
            for kind in KINDS
        )
    )
    rows = [
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            t(channel), _cells(rank, [side for _, side in sides])
        )
        for rank, channel in enumerate(CHANNELS)
    ]
    return Markup(
        '<div class="wide" tabindex="0" role="group" aria-label="{}"><table><thead><tr><td></td>{}</tr>'
        '</thead><tbody>{}</tbody></table></div><p class="quiet">{}</p>'
    ).format(t("Channels"), heads, join(*rows), t("On the 0 to 1 scale; {}.").format(t(WHOSE_CHANNELS)))


def _cells(rank: int, sides: Sequence[Mapping[str, Any]]) -> Markup:
    return join(*(Markup("<td>{:.3f}</td>").format(side[kind][rank]) for side in sides for kind in KINDS))


def unreadable_html(quarantine: Sequence[Mapping[str, str]]) -> Markup:
    """Return the list of files that cannot be read, each with its reason."""
    if not quarantine:
        return Markup()
    items = [
        Markup("<li>{}: {}</li>").format(item["name"], said_finding(item["reason"]))
        for item in quarantine[:MOST_UNREADABLE]
    ]
    more = len(quarantine) - MOST_UNREADABLE
    rest = Markup("<p>{}</p>").format(t("… and {:,} more").format(more)) if more > 0 else ""
    return Markup('<ul class="quarantine">{}</ul>{}').format(join(*items), rest)
