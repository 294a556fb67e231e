"""What the buttons of the tab Use do: write an ONNX file, and delete after a second press."""

from __future__ import annotations

from typing import Any

import gradio as gr

from finetune.errors import FinetuneError
from finetune.service.projects import Project
from finetune.service.service import Service
from finetune.service.trainings import ready_trainings
from ui.clicks import on_press
from ui.layout import TABS, Parts
from ui.results_handlers import Answer, Show, training_of
from ui.updates import shown
from ui.web.erase import ALL, YES, sure_of_all_html, sure_of_run_html
from ui.web.use import PRECISIONS
from ui.web.words import error_html


class UseHandlers:
    """The handlers of the tab; ``show`` brings the page up to date."""

    def __init__(self, service: Service, parts: Parts, show: Show) -> None:
        self._service, self._parts, self._show = service, parts, show

    def export(self, project_id: str, chosen: str, seen: str, value: str) -> Answer:
        """Start to write an ONNX file, asked for as ``TRAINING:PRECISION``."""
        number, _, precision = value.partition(":")
        project = self._service.find(project_id)
        ready = [] if project is None else ready_trainings(project)
        found = next((each for each in ready if each.number == number), None)
        told = ""
        if project is not None and found is not None and precision in PRECISIONS:
            try:
                self._service.export(project, found, precision)
            except FinetuneError as error:
                told = str(error_html(str(error)))
        return {**self._show(project_id, chosen, seen), self._parts.notice: told}

    def erase(self, project_id: str, chosen: str, seen: str, value: str) -> Answer:
        """Ask whether a run (``run:TRAINING``) or everything (``all``) shall go; delete it with ``:yes`` after it."""
        project = self._service.find(project_id)
        if project is None:
            return self._show(project_id, chosen, seen)
        what, _, rest = value.partition(":")
        number, _, word = rest.partition(":")
        if what == ALL:
            return self._erase_all(project, chosen, seen, is_sure=rest == YES)
        training = training_of(project, number) if what == "run" else None
        if training is None:
            return self._asking(project, chosen, seen, "")
        if word != YES:
            return self._asking(project, chosen, seen, str(sure_of_run_html(number, training.run.name)))
        try:
            self._service.delete_run(project, training)
        except FinetuneError as error:
            return self._refused(project, chosen, seen, error)
        return self._asking(project, chosen, seen, "")

    def _erase_all(self, project: Project, chosen: str, seen: str, *, is_sure: bool) -> Answer:
        if not is_sure:
            runs = {training.run.name: None for training in project.trainings if training.run.is_dir()}
            return self._asking(project, chosen, seen, str(sure_of_all_html(project.name, list(runs))))
        try:
            self._service.delete_project(project)
        except FinetuneError as error:
            return self._refused(project, chosen, seen, error)
        return {
            **self._show("", "", seen),
            self._parts.project_id: "",
            self._parts.chosen: "",
            self._parts.notice: "",
            self._parts.use_tab.sure: "",
            self._parts.tabs: gr.Tabs(selected=TABS[0]),
            self._parts.tab: TABS[0],
        }

    def _asking(self, project: Project, chosen: str, seen: str, sure: str) -> Answer:
        shown = self._show(project.id, chosen, seen)
        return {**shown, self._parts.use_tab.sure: sure, self._parts.notice: ""}

    def _refused(self, project: Project, chosen: str, seen: str, error: FinetuneError) -> Answer:
        told = str(error_html(str(error)))
        return {**self._asking(project, chosen, seen, ""), self._parts.notice: told}


def wire_use(parts: Parts, service: Service, show: Show) -> None:
    """Wire the tab's buttons."""
    do, tab = UseHandlers(service, parts, show), parts.use_tab
    state = [parts.project_id, parts.chosen, parts.seen]
    outputs: list[Any] = [parts.notice, *shown(parts)]
    going = [parts.project_id, parts.chosen, parts.tabs, parts.tab, *outputs]
    on_press(tab.onnx_pressed, do.export, state, outputs)
    on_press(tab.erase_pressed, do.erase, state, going)
