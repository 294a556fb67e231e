"""From the views of the tabs Results and Use to the properties of their parts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from finetune.words import t
from ui.layout import Parts
from ui.results_view import ResultsView
from ui.tabs.closed import NO_TRAINING, NOTHING_TO_USE
from ui.use_view import UseView
from ui.web.words import note_html

Wanted = dict[str, tuple[Any, dict[str, Any]]]


def wanted_results(parts: Parts, view: ResultsView) -> Wanted:
    """Return each part of the tab Results with the properties it should have."""
    tab = parts.results_tab
    return {
        "results": (tab.results, {"value": view.score or str(note_html(t(NO_TRAINING)))}),
        "runs": (tab.runs, {"value": view.runs}),
        "comparison": (tab.comparison, {"value": view.comparison}),
        "matrix": (tab.matrix, {"value": view.matrix}),
        "details": (tab.details, {"value": view.details}),
    }


def wanted_use(parts: Parts, view: UseView) -> Wanted:
    """Return each part of the tab Use with the properties it should have."""
    tab = parts.use_tab
    return {
        "download": (tab.download, {"value": view.downloads or str(note_html(t(NOTHING_TO_USE)))}),
        "exports": (tab.exports, {"value": view.exports}),
        "lines": (tab.lines, {"value": view.lines}),
        "card": (tab.card, {"value": view.card}),
        "card fold": (tab.card_fold, {"visible": bool(view.card)}),
        "erase": (tab.erase, {"value": view.erase}),
    }


def outdated(parts: Parts, changed: Collection[str]) -> dict[Any, str]:
    """Return what must not stay where these parts have ``changed``: a cell of another matrix, and a question."""
    emptied: dict[Any, str] = {}
    if "matrix" in changed:
        emptied[parts.results_tab.cell] = ""
    if "erase" in changed:
        emptied[parts.use_tab.sure] = ""
    return emptied
