"""From a view to the updates of the tab Test."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

from finetune.words import t
from ui.tabs.trial import TrialParts
from ui.web.trial import NO_ANSWER
from ui.web.words import note_html

if TYPE_CHECKING:
    from ui.view import View

DIGEST_LENGTH = 8


def wanted_trial(test: TrialParts, view: View) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return for every part of the tab that hangs on the disk its component and its properties."""
    trial = view.trial
    return {
        "closed trial": (test.closed_trial, {"visible": not trial.is_open}),
        "trial": (test.trial_row, {"visible": trial.is_open}),
        "asked": (test.asked, {"value": _asked_html(view)}),
        "held out": (test.held_out, {"value": trial.held_out}),
        "add as": (test.label, {"choices": list(trial.classes)}),
        "many": (test.many_column, {"visible": trial.is_open}),
        "stop many": (test.stop_many, {"visible": trial.is_answering}),
        "answers": (test.answers, {"value": trial.answers}),
    }


def no_answer(test: TrialParts) -> dict[Any, Any]:
    """Return the updates by which no answer is shown, and what can be done with one is not offered."""
    return {
        test.answer: str(note_html(t(NO_ANSWER))),
        test.trouble: "",
        test.why: "",
        test.added: "",
        test.ask_why: gr.update(visible=False),
        test.add_row: gr.update(visible=False),
    }


def _asked_html(view: View) -> str:
    """Name the classifier that answers; another one of the same name is another text."""
    if not view.asked:
        return ""
    digest = hashlib.sha256(view.asked.encode()).hexdigest()[:DIGEST_LENGTH]
    told = t("Asked: {}").format(view.asked_name)
    return str(Markup('<p class="quiet" data-asked="{}">{}</p>').format(digest, told))
