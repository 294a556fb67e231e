"""The data sets that one can come back to, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from finetune.page.markup import table_heads
from finetune.words import t
from ui.web.buttons import button_html
from ui.web.words import join, note_html

EARLIER = "earlier"
OPEN, ASK, DELETE, STAY = "open", "ask", "delete", "stay"
"""The verbs that `ui.clicks` hears before a project's id."""


@dataclass(frozen=True)
class EarlierSet:
    """One data set: ``when`` as people read it, ``best`` the best accuracy in [0, 1] or None."""

    id: str
    name: str
    when: str
    n_images: int
    n_classes: int
    n_trainings: int
    best: float | None
    is_open: bool


def earlier_html(sets: Sequence[EarlierSet], asking: str = "") -> Markup:
    """Return the table of ``sets``; ``asking`` is the id of that which is asked about before it is deleted."""
    if not sets:
        return note_html(t("Here will stand the data sets that you bring, to come back to."))
    heads = (t("data set"), t("since"), t("images"), t("classes"), t("trainings"), t("best accuracy"), "")
    rows = [_row(each, is_asked=each.id == asking) for each in sets]
    return Markup(
        '<div class="wide" tabindex="0" role="group" aria-label="{}"><table class="earlier"><thead><tr>{}</tr>'
        "</thead><tbody>{}</tbody></table></div>"
    ).format(
        t("Earlier data sets"),
        table_heads(heads),
        join(*rows),
    )


def _row(each: EarlierSet, *, is_asked: bool) -> Markup:
    best = "–" if each.best is None else f"{100 * each.best:.1f} %"
    cells = (each.when, f"{each.n_images:,}", str(each.n_classes), str(each.n_trainings), best)
    row = Markup('<tr><th scope="row">{}</th>{}<td class="choices">{}</td></tr>').format(
        each.name,
        join(*(Markup("<td>{}</td>").format(cell) for cell in cells)),
        join(
            _open(each),
            button_html(
                EARLIER,
                f"{ASK}:{each.id}",
                t("Delete"),
                label=t("Delete {}").format(each.name),
                style="small",
            ),
        ),
    )
    return join(row, _question(each)) if is_asked else row


def _open(each: EarlierSet) -> Markup:
    if each.is_open:
        return Markup("<span>{}</span>").format(t("open now"))
    return button_html(
        EARLIER, f"{OPEN}:{each.id}", t("Open"), label=t("Open {}").format(each.name), style="small"
    )


def _question(each: EarlierSet) -> Markup:
    told = t(
        "Delete {} with its images, its {} trainings and their classifiers? This cannot be undone."
    ).format(each.name, each.n_trainings)
    return Markup('<tr><td colspan="7" class="question" role="alert">{} {} {}</td></tr>').format(
        told,
        button_html(EARLIER, f"{DELETE}:{each.id}", t("Delete for good"), style="small stop"),
        button_html(EARLIER, f"{STAY}:", t("Keep it"), style="small"),
    )
