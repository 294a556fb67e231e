"""What the buttons of the tab Results do: look at a run, compare it, open a cell of its matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from finetune.service.judged import in_cell
from finetune.service.projects import Project, Training
from finetune.service.service import Service
from ui.clicks import on_press
from ui.layout import Parts
from ui.results_view import address_of
from ui.updates import shown
from ui.web.matrix import cell_html

Answer = dict[Any, Any]
Show = Callable[[str, str, str], Answer]


class ResultsHandlers:
    """The handlers of the tab; ``show`` brings the page up to date and is what each ends in."""

    def __init__(self, service: Service, show: Show) -> None:
        self._service = service
        self._show = show

    def choose(self, project_id: str, chosen: str, seen: str, number: str) -> Answer:
        """Look at the run of training ``number``, which answers on the tabs Test and Use from now on."""
        project = self._service.find(project_id)
        if project is not None:
            self._service.choose(project, number)
        return self._show(project_id, chosen, seen)

    def choose_beside(self, project_id: str, chosen: str, seen: str, number: str) -> Answer:
        """Compare the run that is looked at with that of training ``number``; with none where there is no such."""
        project = self._service.find(project_id)
        if project is not None:
            self._service.choose_beside(project, number)
        return self._show(project_id, chosen, seen)

    def open_cell(self, project_id: str, value: str) -> str:
        """Return the images of a cell, asked for as ``TRAINING:ROW-COLUMN``; empty for anything else."""
        number, _, places = value.partition(":")
        row, _, column = places.partition("-")
        training = training_of(self._service.find(project_id), number)
        if training is None or not (row.isdecimal() and column.isdecimal()):
            return ""
        names = dict(enumerate(training.report.get("classes", ())))
        label, called = names.get(int(row)), names.get(int(column))
        if label is None or called is None:
            return ""
        images = in_cell(training.run, label, called)
        return str(cell_html(images, label, called, lambda image: address_of(project_id, number, image)))


def training_of(project: Project | None, number: str) -> Training | None:
    """Return the project's training of that number, None where there is none."""
    trainings = [] if project is None else project.trainings
    return next((each for each in trainings if each.number == number), None)


def wire_results(parts: Parts, service: Service, show: Show) -> None:
    """Wire the tab's buttons."""
    do, tab = ResultsHandlers(service, show), parts.results_tab
    state = [parts.project_id, parts.chosen, parts.seen]
    for text, handler in ((tab.run_pressed, do.choose), (tab.beside_pressed, do.choose_beside)):
        on_press(text, handler, state, shown(parts))
    on_press(tab.cell_pressed, do.open_cell, [parts.project_id], [tab.cell])
