"""Backbones ranked on the user's own images, as a table with a button for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from finetune.page.markup import table_heads
from finetune.words import t
from ui.web.buttons import button_html
from ui.web.words import join, note_html, spoken


def why_html(findings: Mapping[str, Any]) -> Markup:
    """Return why to compare backbones: above all where images are few and differ from ImageNet."""
    cell = findings["advice"]["cell"]
    told = t("Measured with {}. Another backbone may suit these images better.").format(findings["backbone"])
    if cell is not None and (cell["size"], cell["similarity"]) == ("small", "different"):
        told = t(
            "Measured with {}. Your images are few and differ from ImageNet: here another backbone may help most."
        ).format(findings["backbone"])
    return note_html(told)


def ranking_html(ranking: Mapping[str, Any], used: str) -> Markup:
    """Return the ranking, as `finetune backbones --rank --json` gives it; ``used`` is the one advised on now."""
    rows = [row for row in ranking["backbones"] if row["place"] is not None]
    failed = [row for row in ranking["backbones"] if row["place"] is None]
    heads = (
        t("backbone"),
        t("right (95 % interval)"),
        t("against the first"),
        t("time for 1,000 images"),
        t("parameters"),
        "",
    )
    return Markup(
        '<p>{}</p><div class="wide" tabindex="0" role="group" aria-label="{}"><table class="ranked-backbones">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>{}"
    ).format(
        _sentence(ranking),
        t("Backbones, the best first"),
        table_heads(heads),
        join(*(_row(row, used) for row in rows)),
        join(
            *(
                note_html(t("{} was not measured: {}").format(row["name"], spoken(row["reason"])))
                for row in failed
            )
        ),
    )


def _sentence(ranking: Mapping[str, Any]) -> str:
    n_images, n_train = ranking["n_images"], ranking["n_train"]
    if ranking["hopeless"]:
        return t(
            "On {:,} of {:,} training images no backbone is clearly better than always naming the commonest class: "
            "look at the labels first."
        ).format(n_images, n_train)
    told = t("On {:,} of {:,} training images, a linear probe of all stages does best with {}.").format(
        n_images, n_train, ranking["first"]
    )
    if ranking["cheaper"] is None:
        return told
    return t("{} {} is faster and cannot be told apart from it here.").format(told, ranking["cheaper"])


def _row(row: Mapping[str, Any], used: str) -> Markup:
    name, (low, high) = row["name"], row["accuracy_interval"]
    cells = (
        f"{100 * row['accuracy']:.1f} % ({100 * low:.1f} – {100 * high:.1f})",
        _compared(row["against_first"]),
        t("{:.1f} s").format(row["ms_per_image"]),
        f"{row['parameters'] / 1e6:.1f} M",
        t("in use")
        if name == used
        else button_html("backbone", name, t("Take this one"), label=t("Take {}").format(name)),
    )
    return Markup('<tr><th scope="row">{}</th>{}</tr>').format(
        name, join(*(Markup("<td>{}</td>").format(cell) for cell in cells))
    )


def _compared(against: Mapping[str, Any] | None) -> str:
    if against is None:
        return t("the first")
    if not against["told_apart"]:
        return t("cannot be told apart")
    low, high = (100 * end for end in against["interval"])
    return t("{:+.1f} points ({:+.1f} to {:+.1f})").format(100 * against["difference"], low, high)
