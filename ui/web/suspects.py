"""Labels that are probably wrong, as HTML: a contact sheet, and the same as a ranked table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from finetune.page.markup import table_heads
from finetune.words import noted, t
from ui.web.by_hand import Hands, suspect_choices_html
from ui.web.words import join

HEADS = (noted("rank"), noted("image"), noted("label"), noted("suggested"), noted("score"))


def suspects_html(result: Mapping[str, Any], address: str, hands: Hands | None = None) -> Markup:
    """Return what the search found; ``result`` as `finetune.service.data_work` writes it, the list at ``address``.

    With ``hands`` each image can be decided on by itself.
    """
    sentence = t(
        Markup(
            "<strong>{:,}</strong> of {:,} labels are probably wrong; {} agrees with {:.1f} % of the labels of "
            "images it was not trained on."
        )
    ).format(
        result["n_listed"], result["n_judged"], result["backbone"], 100 * result["cross_validated_accuracy"]
    )
    told = Markup("<p>{}</p>").format(sentence)
    if not result["n_listed"]:
        return told
    return join(told, _sheet(result, hands), _table(result), _list_link(result, address))


def _sheet(result: Mapping[str, Any], hands: Hands | None) -> Markup:
    figure = Markup(
        '<figure role="listitem"><img src="{}" alt="{}"><figcaption>{}. {} \N{RIGHTWARDS ARROW} {}</figcaption>'
        '<div class="choices">{}</div></figure>'
    )
    figures = [
        figure.format(
            result["pictures"][row["path"]],
            row["path"],
            rank,
            row["label"],
            row["suggested"],
            "" if hands is None else suspect_choices_html(hands, row["path"], row["suggested"]),
        )
        for rank, row in enumerate(result["suspects"], start=1)
    ]
    return Markup('<div class="suspects" role="list" tabindex="0" aria-label="{}">{}</div>').format(
        t("Labels that are probably wrong, each with the class suggested"), join(*figures)
    )


def _table(result: Mapping[str, Any]) -> Markup:
    rows = [
        Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.4f}</td></tr>").format(
            rank, row["path"], row["label"], row["suggested"], row["score"]
        )
        for rank, row in enumerate(result["suspects"], start=1)
    ]
    return Markup(
        '<details class="fold" id="suspects-table"><summary>{}</summary><div class="wide" tabindex="0" role="group" '
        'aria-label="{}"><table class="ranked"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div></details>"
    ).format(
        t("As a table"),
        t("Ranked table"),
        table_heads(map(t, HEADS)),
        join(*rows),
    )


def _list_link(result: Mapping[str, Any], address: str) -> Markup:
    more = result["n_listed"] - len(result["suspects"])
    rest = t("{:,} more are in the list.").format(more) if more > 0 else ""
    return Markup('<p class="quiet">{} <a href="{}" download>{}</a></p>').format(
        rest, address, t("Download the list (CSV)")
    )
