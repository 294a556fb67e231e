"""What the tab Train shows of a project, as one value, and the updates that bring it there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune.service.engine.standing import STOPPING
from finetune.service.projects import Project, Training
from finetune.service.trainings import can_resume
from finetune.words import t
from strategies import STRATEGIES
from ui.web.progress import log_html, training_html
from ui.web.words import error_html

if TYPE_CHECKING:
    from ui.tabs.train import TrainParts
    from ui.view import View

Wanted = dict[str, tuple[Any, dict[str, Any]]]


@dataclass(frozen=True)
class TrainView:
    """How the newest training stands and what can be pressed.

    ``basis`` says what a plan rests on. ``log`` is empty without a training.
    """

    basis: str = ""
    training: str = ""
    log: str = ""
    is_running: bool = False
    can_pause: bool = False
    can_resume: bool = False
    can_cancel: bool = False


CLOSED = TrainView()


def make_train_view(project: Project, findings: Mapping[str, Any], chosen: str) -> TrainView:
    """Return what the tab shows while ``chosen`` is the strategy; there is advice among the ``findings``."""
    trainings = project.trainings
    newest = trainings[-1] if trainings else None
    status = None if newest is None else newest.status
    basis = json.dumps([project.id, project.look, chosen, findings["backbone"], len(trainings)])
    if newest is None or status is None:
        gone = t("this training's folder has been deleted; train again")
        return TrainView(basis, "" if newest is None else str(error_html(gone)))
    running = not status.has_ended
    resumable = can_resume(newest) and not newest.is_discarded
    return TrainView(
        basis,
        str(training_html(project, newest, status)),
        "" if _is_gone(newest) else str(log_html(project, newest)),
        is_running=running,
        can_pause=running and status.phase != STOPPING and status.state == "running",
        can_resume=resumable,
        can_cancel=not newest.is_discarded and (running or resumable),
    )


def _is_gone(training: Training) -> bool:
    return training.is_discarded or not training.run.is_dir()


def wanted_of_train(train: TrainParts, view: View) -> Wanted:
    """Return for every part of the tab its component and the properties it should have."""
    shown, is_open = view.train, bool(view.cards)
    wanted: Wanted = {
        "cards": (train.card_row, {"visible": is_open}),
        "closed training": (train.closed_training, {"visible": not is_open}),
        "training column": (train.training_column, {"visible": is_open}),
        "basis": (train.basis, {"value": shown.basis}),
        "train": (
            train.train,
            {
                "value": t("Train with {}").format(view.chosen),
                "visible": not shown.is_running,
                "variant": "secondary" if shown.can_resume else "primary",
            },
        ),
        "pause": (train.pause, {"visible": shown.can_pause}),
        "resume": (train.resume, {"visible": shown.can_resume}),
        "cancel": (train.cancel, {"visible": shown.can_cancel}),
        "training": (train.training, {"value": shown.training}),
        "log fold": (train.log_fold, {"visible": bool(shown.log)}),
        "log": (train.log, {"value": shown.log}),
        "see": (train.see, {"visible": bool(view.results.score) and not shown.is_running}),
    }
    for name, text in zip(STRATEGIES, view.cards, strict=False):
        is_chosen = name == view.chosen
        label = t("Chosen ✓") if is_chosen else t("Choose {}").format(name)
        wanted[f"card {name}"] = (train.cards[name], {"value": str(text)})
        wanted[f"choice {name}"] = (
            train.choices[name],
            {"value": label, "variant": "primary" if is_chosen else "secondary"},
        )
    for name, row in train.expert.rows.items():
        wanted[f"options {name}"] = (row, {"visible": name == view.chosen})
    return wanted
