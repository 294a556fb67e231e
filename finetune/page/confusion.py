"""The confusion matrix as a drawing that stays readable at a hundred classes, and its mistakes as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.page.markup import folded, join, paragraph, percent, section, short, table
from finetune.words import t

MOST_DRAWN = 150
"""Of more classes the names can no longer be read; the table tells of those."""

MOST_NUMBERED = 20
TURNED_PX = 30
"""Side of a cell below which the names under the columns stand upright."""

MOST_IN_FULL = 12
TITLE_PX = 22
LETTER = 0.6
"""Width of a letter as a share of its height, on average."""


def confusion_html(report: Mapping[str, Any]) -> Markup:
    """Return the drawing, the pairs of classes that are taken for each other most, and for few classes the counts."""
    confusion, names = report["confusion"], report["classes"]
    pairs = report.get("most_confused", ())
    order = report.get("confusion_order") or list(range(len(names)))
    drawn = (
        confusion_svg(confusion, names, order)
        if len(names) <= MOST_DRAWN
        else paragraph(
            t("{} classes are too many to draw; the table has the commonest mistakes.").format(len(names))
        )
    )
    rows = [
        (pair["truth"], pair["called"], f"{pair['n']:,}", percent(pair["n"] / pair["of"])) for pair in pairs
    ]
    heads = (t("truth"), t("called"), t("images"), t("of its class"))
    most = table(heads, rows, label=t("Most frequent mistakes")) or paragraph(
        t("No image was called another class.")
    )
    return section(t("What is taken for what"), drawn, most, _in_full(confusion, names, order))


def _in_full(confusion: Sequence[Sequence[int]], names: Sequence[str], order: Sequence[int]) -> Markup:
    if len(names) > MOST_IN_FULL:
        return Markup()
    rows = [(names[row], *(str(confusion[row][column]) for column in order)) for row in order]
    heads = (t("truth ↓ called →"), *(names[column] for column in order))
    return folded(t("All counts as a table"), table(heads, rows, label=t("Confusion matrix")))


def confusion_svg(
    confusion: Sequence[Sequence[int]], names: Sequence[str], order: Sequence[int], *, click: str = ""
) -> Markup:
    """Return the K x K counts as inline SVG, rows the truth, both axes in ``order``; only what is not 0 is drawn.

    With ``click`` each cell has the attribute ``data-click`` with that, row and column: ``CLICK0-3``.
    """
    n_classes = len(order)
    cell = 44 if n_classes <= 6 else 30 if n_classes <= MOST_NUMBERED else 16 if n_classes <= 50 else 9
    label_px = min(12.0, 0.9 * cell)
    longest = round(LETTER * label_px * max(len(short(names[index])) for index in order)) + 10
    side, left, top = cell * n_classes, longest + TITLE_PX, 4
    below = longest if cell < TURNED_PX else round(0.75 * longest)
    width, height = left + side + 12, top + side + below + TITLE_PX
    inside = join(
        _frame(left, top, side, cell, n_classes),
        *_cells(confusion, names, order, cell, left, top, click),
        *_names(names, order, cell, left, top, label_px),
        _titles(left, top, side, height),
    )
    right = sum(confusion[k][k] for k in order)
    total = sum(map(sum, confusion))
    label = t("Confusion matrix of {} classes: {:,} of {:,} images on the diagonal").format(
        n_classes, right, total
    )
    return Markup(
        '<div class="wide" tabindex="0" role="group" aria-label="{4}">'
        '<svg class="confusion" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">{3}'
        "</svg></div>"
    ).format(width, height, label, inside, t("Confusion matrix"))


def _frame(left: int, top: int, side: int, cell: int, n_classes: int) -> Markup:
    """Return the square with a line a class, or every fifth where they are many."""
    every = 1 if n_classes <= 30 else 5
    lines = [
        Markup('<path class="grid" d="M{0} {1}h{2}M{3} {4}v{2}"/>').format(
            left, top + cell * rank, side, left + cell * rank, top
        )
        for rank in range(every, n_classes, every)
    ]
    square = Markup('<rect class="edge" x="{}" y="{}" width="{}" height="{}"/>').format(left, top, side, side)
    return join(*lines, square)


def _cells(
    confusion: Sequence[Sequence[int]],
    names: Sequence[str],
    order: Sequence[int],
    cell: int,
    left: int,
    top: int,
    click: str,
) -> list[Markup]:
    made = []
    for y, row in enumerate(order):
        total = sum(confusion[row])
        for x, column in enumerate(order):
            count = confusion[row][column]
            if count:
                at = left + cell * x, top + cell * y
                told = cell_words(names[row], names[column], count, total)
                clicked = Markup(' data-click="{}{}-{}"').format(click, row, column) if click else Markup()
                made.append(_cell(at, cell, count / total, told, clicked, is_right=row == column))
                if len(order) <= MOST_NUMBERED:
                    made.append(_number(at, cell, count, count / total))
    return made


def cell_words(truth: str, called: str, n_images: int, of: int) -> str:
    """Return what a cell of the matrix says: ``n_images`` of the ``of`` that are ``truth`` were called ``called``."""
    return t("{} called {}: {} of {}").format(truth, called, n_images, of)


def _cell(
    at: tuple[int, int], cell: int, share: float, told: str, clicked: Markup, *, is_right: bool
) -> Markup:
    return Markup(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}" fill-opacity="{:.2f}"{}><title>{}</title></rect>'
    ).format("hit" if is_right else "miss", *at, cell, cell, 0.18 + 0.82 * share, clicked, told)


def _number(at: tuple[int, int], cell: int, count: int, share: float) -> Markup:
    return Markup('<text class="count{}" x="{}" y="{}" style="font-size:{}px">{}</text>').format(
        " strong" if share > 0.5 else "",
        at[0] + cell / 2,
        at[1] + cell / 2 + 4,
        12 if count < 1000 else 9,
        count,
    )


def _names(
    names: Sequence[str], order: Sequence[int], cell: int, left: int, top: int, label_px: float
) -> list[Markup]:
    bottom = top + cell * len(order)
    made = []
    for rank, index in enumerate(order):
        middle = cell * (rank + 0.5)
        made.append(
            Markup(
                '<text class="name" x="{}" y="{:.1f}" text-anchor="end" style="font-size:{:.1f}px">'
                "<title>{}</title>{}</text>"
            ).format(left - 5, top + middle + 0.35 * label_px, label_px, names[index], short(names[index]))
        )
        made.append(
            Markup(
                '<text class="name" transform="translate({:.1f} {}) rotate(-{})" text-anchor="end" '
                'style="font-size:{:.1f}px"><title>{}</title>{}</text>'
            ).format(
                left + middle + 0.35 * label_px,
                bottom + 8,
                45 if cell >= TURNED_PX else 90,
                label_px,
                names[index],
                short(names[index]),
            )
        )
    return made


def _titles(left: int, top: int, side: int, height: int) -> Markup:
    return Markup(
        '<text class="axis-title" x="{0:.1f}" y="{1}" text-anchor="middle">{3}</text>'
        '<text class="axis-title" transform="translate(14 {2:.1f}) rotate(-90)" text-anchor="middle">{4}</text>'
    ).format(left + side / 2, height - 6, top + side / 2, t("called"), t("truth"))
