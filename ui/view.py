"""What the page shows of a project right now, as one value: texts, and which doors are open. Pure but for reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finetune.model.backbones import find_backbone
from finetune.service.jobs import read_job
from finetune.service.predictor import identity
from finetune.service.projects import Project
from finetune.service.service import Asks
from finetune.service.status import Status
from finetune.service.trainings import trained
from finetune.words import noted, t
from strategies import STRATEGIES
from ui.backbones import NOTHING_TO_COMPARE, BackbonesView, make_backbones_view
from ui.data_tools import NO_TOOLS, DataTools, make_tools
from ui.data_view import NOTHING_BY_HAND, DataView, make_data_view
from ui.hands import make_hands
from ui.health import backbone_channels
from ui.results_view import NO_RESULTS, ResultsView, make_results_view
from ui.tabs.closed import NO_ADVICE
from ui.train_view import CLOSED, TrainView, make_train_view
from ui.trial_view import NO_TRIAL, TrialView, make_trial_view
from ui.use_view import NOTHING, UseView, make_use_view
from ui.web.data import data_html
from ui.web.details import folded_details
from ui.web.strategy import advice_html, card_html
from ui.web.words import error_html, join, note_html, progress_html

GONE = noted("the data set of this page is gone from the disk; upload it again, or try a sample set")


@dataclass(frozen=True)
class View:
    """The page's sections as HTML, the strategy chosen, and what can be pressed.

    ``cards`` follow the order of `STRATEGIES`; they are empty until there is advice. ``address`` is the path of
    the bundle's download, ``asked`` the identity of the classifier that answers and ``asked_name`` its name for
    people; all three are empty while there is none. ``tools`` are what else can be done with the images.
    ``results``, ``trial`` and ``use`` are the tabs Results, Test and Use.
    """

    data: str
    advice: str
    cards: tuple[str, ...]
    chosen: str
    address: str
    asked: str
    asked_name: str
    tools: DataTools = NO_TOOLS
    results: ResultsView = NO_RESULTS
    use: UseView = NOTHING
    train: TrainView = CLOSED
    trial: TrialView = NO_TRIAL
    backbones: BackbonesView = NOTHING_TO_COMPARE
    by_hand: DataView = NOTHING_BY_HAND


def make_view(
    project: Project | None, chosen: str, *, is_known: bool = False, asks: Asks = "nothing"
) -> View:
    """Return what to show; ``chosen`` is the strategy that the user picked, empty for the advised one.

    ``is_known``: the tab had a project, so that none now means that it was deleted. The
    page ``asks`` for that.
    """
    if project is None:
        return _empty(error_html(t(GONE)) if is_known else "")
    status = read_job(project.analysis)
    by_hand = make_data_view(project)
    if status is None:
        return _empty("" if project.is_made else error_html(t(GONE)), by_hand=by_hand)
    findings = project.findings
    if "advice" not in findings:
        return _empty(_looking(project, status), make_tools(project, findings), by_hand)
    trainings = project.trainings
    chosen = (
        chosen
        if chosen in STRATEGIES
        else (trainings[-1].strategy if trainings else findings["advice"]["strategy"])
    )
    answering = trained(project)
    return View(
        data=_data(project, findings),
        advice=advice_html(findings),
        cards=tuple(card_html(name, findings, chosen=name == chosen) for name in STRATEGIES),
        chosen=chosen,
        address="" if answering is None else f"/bundle/{project.id}/{answering.job.name}",
        asked="" if answering is None else identity(answering.run / "bundle"),
        asked_name="" if answering is None else f"{answering.strategy} ({answering.run.name})",
        tools=make_tools(project, findings),
        results=make_results_view(project, trainings, answering),
        use=make_use_view(project, trainings, answering, asks),
        train=make_train_view(project, findings, chosen),
        trial=make_trial_view(project, answering),
        backbones=make_backbones_view(project, findings),
        by_hand=by_hand,
    )


def _empty(data: str, tools: DataTools = NO_TOOLS, by_hand: DataView = NOTHING_BY_HAND) -> View:
    closed = note_html(t(NO_ADVICE))
    return View(data, closed, (), "", "", "", "", tools, by_hand=by_hand)


def _looking(project: Project, status: Status) -> str:
    """Show what is known while the analysis goes on, or why it ended without advice."""
    findings = project.findings
    known = _data(project, findings) if "health" in findings else note_html(f"{project.name}:")
    if status.has_ended:
        error = project.readable(status.error)
        rest = _data(project, findings, shown=error) if "health" in findings else ""
        return join(error_html(error), rest)
    return join(known, progress_html(status))


def _data(project: Project, findings: Mapping[str, Any], *, shown: str = "") -> str:
    health = findings["health"]
    return join(
        data_html(project.name, findings, shown=shown, hands=make_hands(project, findings)),
        folded_details(health, channels_of_backbone(findings)),
    )


def channels_of_backbone(findings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the channel statistics of the backbone that was advised on, None before there is one."""
    return backbone_channels(find_backbone(findings["backbone"])) if "backbone" in findings else None
