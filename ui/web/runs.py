"""The runs of a data set as a list: how each went, its score on one scale, and which is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from finetune.page.markup import join, time_words
from finetune.words import noted, t
from ui.web.buttons import button_html
from ui.web.words import spoken

STATES = {
    "running": noted("training now"),
    "waiting": noted("waiting for its turn"),
    "interrupted": noted("stopped before its end"),
    "failed": noted("failed"),
    "finished": noted("its report has been deleted"),
    "": noted("deleted from the disk"),
}
"""What is said of a run without a score, by its state."""


@dataclass(frozen=True)
class RunRow:
    """A run in the list: its training's number, its folder's name, when it was begun, and its report, if any.

    ``state`` is the job's, ``error`` why it failed; ``is_shown``: the run that is looked at, ``is_beside``: the one
    it is compared with, ``can_answer``: its classifier is there.
    """

    number: str
    name: str
    strategy: str
    when: str
    state: str
    error: str
    report: dict[str, Any]
    is_shown: bool
    is_beside: bool
    can_answer: bool


def runs_html(rows: Sequence[RunRow]) -> Markup:
    """Return the list, the newest first; nothing for a single run, which is shown anyway."""
    if len(rows) < 2:
        return Markup()
    return Markup(
        '<section><h2>{}</h2><p class="quiet">{}</p><ol class="runs" reversed>{}</ol></section>'
    ).format(
        t("Runs on these images"),
        t("The run that is shown is the one that answers on the tabs Test and Use."),
        join(*map(_row, rows)),
    )


def _row(row: RunRow) -> Markup:
    facts = [row.name]
    if row.report:
        facts += [f"{row.report['image_size']} px", time_words(row.report["seconds"])]
    facts.append(row.when)
    return Markup(
        '<li class="run{}"{}><p><strong>{}</strong> <span class="quiet">{}</span></p>{}'
        '<p class="run-buttons">{}</p></li>'
    ).format(
        " shown" if row.is_shown else "",
        Markup(' aria-current="true"') if row.is_shown else "",
        row.strategy,
        " · ".join(filter(None, facts)),
        _score(row),
        _buttons(row),
    )


def _score(row: RunRow) -> Markup:
    if not row.report:
        told = t(STATES[row.state])
        why = Markup(': <span class="quiet">{}</span>').format(spoken(row.error)) if row.error else ""
        return Markup('<p class="run-state">{}{}</p>').format(told, why)
    low, high = (100 * end for end in row.report["accuracy_interval"])
    accuracy = 100 * row.report["accuracy"]
    value = t(Markup('{:.1f} % <span class="quiet">({:.1f} to {:.1f})</span>')).format(accuracy, low, high)
    return Markup(
        '<div class="range ours"><span class="range-track" aria-hidden="true">'
        '<span class="range-band" style="left:{:.1f}%;width:{:.1f}%"></span>'
        '<span class="range-dot" style="left:{:.1f}%"></span></span><span class="range-value">{}</span></div>'
    ).format(low, high - low, accuracy, value)


def _buttons(row: RunRow) -> Markup:
    if row.is_shown:
        return Markup('<span class="badge">✓ {}</span>').format(t("shown"))
    made = []
    if row.report and row.can_answer:
        made.append(button_html("run", row.number, t("Show"), label=t("Show {}").format(row.name)))
    if row.report and row.is_beside:
        label = t("End comparing with {}").format(row.name)
        made.append(button_html("beside", "", t("End comparing"), label=label))
    elif row.report:
        label = t("Compare with {}").format(row.name)
        made.append(button_html("beside", row.number, t("Compare"), label=label))
    return join(*made)
