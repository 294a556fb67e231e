"""Labels that are probably wrong, as HTML: a contact sheet, and the same as a ranked table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ui.web.words import join


def suspects_html(result: Mapping[str, Any], address: str) -> Markup:
    """Return what the search found; ``result`` as `finetune.service.data_work` writes it, the list at ``address``."""
    told = Markup(
        "<p><strong>{:,}</strong> of {:,} labels are probably wrong; {} agrees with {:.1f} % of the labels of images "
        "it was not trained on.</p>"
    ).format(
        result["n_listed"], result["n_judged"], result["backbone"], 100 * result["cross_validated_accuracy"]
    )
    if not result["n_listed"]:
        return told
    return join(told, _sheet(result), _table(result), _list_link(result, address))


def _sheet(result: Mapping[str, Any]) -> Markup:
    figure = Markup(
        '<figure role="listitem"><img src="{}" alt="{}"><figcaption>{}. {} \N{RIGHTWARDS ARROW} {}</figcaption>'
        "</figure>"
    )
    figures = [
        figure.format(result["pictures"][row["path"]], row["path"], rank, row["label"], row["suggested"])
        for rank, row in enumerate(result["suspects"], start=1)
    ]
    return Markup(
        '<div class="suspects" role="list" tabindex="0" aria-label="Labels that are probably wrong, each with the '
        'class suggested">{}</div>'
    ).format(join(*figures))


def _table(result: Mapping[str, Any]) -> Markup:
    rows = [
        Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.4f}</td></tr>").format(
            rank, row["path"], row["label"], row["suggested"], row["score"]
        )
        for rank, row in enumerate(result["suspects"], start=1)
    ]
    return Markup(
        '<details class="fold"><summary>As a table</summary><div class="wide" tabindex="0" role="group" '
        'aria-label="Ranked table"><table class="ranked"><thead><tr><th scope="col">rank</th>'
        '<th scope="col">image</th><th scope="col">label</th><th scope="col">suggested</th>'
        '<th scope="col">score</th></tr></thead>'
        "<tbody>{}</tbody></table></div></details>"
    ).format(join(*rows))


def _list_link(result: Mapping[str, Any], address: str) -> Markup:
    more = result["n_listed"] - len(result["suspects"])
    rest = f"{more:,} more are in the list. " if more > 0 else ""
    return Markup('<p class="quiet">{}<a href="{}" download>Download the list (CSV)</a></p>').format(
        rest, address
    )
