"""The confusion matrix whose cells open the images behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.page.confusion import MOST_DRAWN, cell_words, confusion_svg
from finetune.page.markup import folded, join, paragraph, percent, section, short, table
from finetune.service.judged import Judged
from finetune.words import t
from ui.web.buttons import button_html

MOST_OF_BUTTONS = 20
"""Of more classes the matrix is a drawing, and the pairs that are confused most are the buttons."""
MOST_IN_CELL = 60
CELL = "cell"


def matrix_html(report: Mapping[str, Any], number: str) -> Markup:
    """Return the matrix of the run of training ``number``, and the pairs of classes that are confused most."""
    names = report["classes"]
    order = report.get("confusion_order") or list(range(len(names)))
    few = len(names) <= MOST_OF_BUTTONS
    drawn = (
        _grid(report["confusion"], names, order, number)
        if few
        else confusion_svg(report["confusion"], names, order, click=f"{CELL}:{number}:")
        if len(names) <= MOST_DRAWN
        else paragraph(
            t("{} classes are too many to draw; the table has the commonest mistakes.").format(len(names))
        )
    )
    told = t(
        "Each row is a class, each column what its images were called. Press a number to see its images."
    )
    pairs = _pairs(report, number)
    if few and report.get("most_confused"):
        pairs = folded(t("Most frequent mistakes"), pairs)
    told = told if few else t("Press a number in the table to see its images.")
    return section(t("What is taken for what"), paragraph(told, quiet=True), drawn, pairs)


def _grid(
    confusion: Sequence[Sequence[int]], names: Sequence[str], order: Sequence[int], number: str
) -> Markup:
    heads = [
        Markup('<th scope="col" title="{}"><span>{}</span></th>').format(names[column], short(names[column]))
        for column in order
    ]
    rows = [
        Markup('<tr><th scope="row" title="{}">{}</th>{}</tr>').format(
            names[row],
            short(names[row]),
            join(*(_cell(confusion, names, row, column, number) for column in order)),
        )
        for row in order
    ]
    return Markup(
        '<div class="wide" tabindex="0" role="group" aria-label="{}"><table class="matrix"><thead><tr><td>{}</td>{}'
        "</tr></thead><tbody>{}</tbody></table></div>"
    ).format(t("Confusion matrix"), t("truth ↓ called →"), join(*heads), join(*rows))


def _cell(
    confusion: Sequence[Sequence[int]], names: Sequence[str], row: int, column: int, number: str
) -> Markup:
    count, total = confusion[row][column], sum(confusion[row])
    if not count:
        return Markup('<td class="none">0</td>')
    label = cell_words(names[row], names[column], count, total)
    button = button_html(CELL, f"{number}:{row}-{column}", f"{count:,}", label=label)
    return Markup('<td class="{}" style="--share:{:.0f}%">{}</td>').format(
        "hit" if row == column else "miss", 12 + 38 * count / total, button
    )


def _pairs(report: Mapping[str, Any], number: str) -> Markup:
    places = {name: place for place, name in enumerate(report["classes"])}
    rows = []
    for pair in report.get("most_confused", ()):
        at = f"{number}:{places[pair['truth']]}-{places[pair['called']]}"
        label = cell_words(pair["truth"], pair["called"], pair["n"], pair["of"])
        button = button_html(CELL, at, f"{pair['n']:,}", label=label)
        rows.append((pair["truth"], pair["called"], button, percent(pair["n"] / pair["of"])))
    heads = (t("truth"), t("called"), t("images"), t("of its class"))
    listed = table(heads, rows, label=t("Most frequent mistakes"))
    return listed or paragraph(t("No image was called another class."))


def cell_html(images: Sequence[Judged], label: str, called: str, address: Callable[[Judged], str]) -> Markup:
    """Return the images of a cell, the surest first; ``address`` says where the picture of one is."""
    shown = images[:MOST_IN_CELL]
    title = t("{}, called {} (images: {:,})").format(label, called, len(images))
    rest = len(images) - len(shown)
    figures = [
        Markup(
            '<figure><img src="{}" alt="{}" loading="lazy"><figcaption>{}<br><span class="quiet">{}</span>'
            "</figcaption></figure>"
        ).format(
            address(image),
            t("{}, a {}, called {}").format(image.name, label, called),
            percent(image.probability),
            image.name,
        )
        for image in shown
    ]
    more = paragraph(
        t("The surest {} are shown; predictions.csv in the run's folder names all.").format(len(shown))
    )
    return Markup(
        '<div class="opened" data-arrived><h3 tabindex="-1">{}</h3>{}<div class="gallery">{}</div>{}</div>'
    ).format(title, button_html(CELL, "", t("Close")), join(*figures), more if rest else "")
