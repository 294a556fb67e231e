"""What each button of the page does: ask the service, then show what is on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from finetune.errors import FinetuneError
from finetune.service.projects import Project
from finetune.service.service import Service
from finetune.service.suspects_choice import ALL
from finetune.service.trainings import trained
from ui.layout import ASKS_AT_REST_EVERY_S, ASKS_EVERY_S, TABS, Parts
from ui.tabs.data import KEEP
from ui.updates import updates
from ui.view import View, make_view
from ui.web.words import error_html

Answer = dict[Any, Any]


class Handlers:
    """The handlers of one page. Each takes the tab's project, its choice and what it shows, and ends in `show`.

    The service finds a project for its owner alone, who is whoever's event is being handled (`ui.asking`).
    """

    def __init__(self, service: Service, parts: Parts) -> None:
        self._service = service
        self._parts = parts
        self._warmed: set[str] = set()

    def show(self, project_id: str, chosen: str, seen: str) -> Answer:
        """Bring the tab up to date."""
        project = self._service.find(project_id)
        view = make_view(project, chosen, is_known=bool(project_id), asks=self._service.asks())
        self._warm(view, project)
        self._service.prepare()
        every_s = ASKS_EVERY_S if self._service.is_busy else ASKS_AT_REST_EVERY_S
        return updates(self._parts, view, seen, asks_every_s=every_s)

    def open(self, tab: str) -> Any:
        """Open the tab that the browser remembers; a page that is loaded has the first one open.

        Whoever has opened another before this answer came stays there.
        """
        return gr.Tabs(selected=tab) if tab in TABS[1:] else gr.skip()

    def take_upload(
        self, project_id: str, chosen: str, seen: str, upload: str | None, backbone: str
    ) -> Answer:
        """Begin a project with an uploaded file; the upload field lets go of it, since it has moved."""
        letting_go = {self._parts.data_tab.upload: gr.update(value=None)}
        if upload is None or (why := self._leave(project_id)):
            return {
                **self.show(project_id, chosen, seen),
                **letting_go,
                self._parts.notice: why if upload else "",
            }
        path = self._service.uploaded(upload)
        if path is None or not path.is_file():
            return {**self.show(project_id, chosen, seen), **letting_go}
        try:
            project = self._service.take_upload(path, backbone=backbone)
        except FinetuneError as error:
            return {**self._not_begun(error, project_id, chosen, seen), **letting_go}
        return {**self.begin(project, seen), **letting_go}

    def taking_sample(self, name: str) -> Callable[..., Answer]:
        """Return the handler that begins a project with the sample set ``name``."""

        def take(project_id: str, chosen: str, seen: str, backbone: str) -> Answer:
            if why := self._leave(project_id):
                return {**self.show(project_id, chosen, seen), self._parts.notice: why}
            try:
                project = self._service.take_sample(name, backbone=backbone)
            except FinetuneError as error:
                return self._not_begun(error, project_id, chosen, seen)
            return self.begin(project, seen)

        return take

    def _leave(self, project_id: str) -> str:
        """Let go of the tab's project for another one; return why not, while it is training."""
        project = self._service.find(project_id)
        try:
            if project is not None:
                self._service.leave(project)
        except FinetuneError as error:
            return str(error_html(str(error)))
        return ""

    def _not_begun(self, error: FinetuneError, project_id: str, chosen: str, seen: str) -> Answer:
        """Say why there is no new project; the one before may have been let go of."""
        left = project_id if self._service.find(project_id) is not None else ""
        told = {self._parts.project_id: left, self._parts.notice: str(error_html(str(error)))}
        return {**self.show(left, chosen, seen), **told}

    def begin(self, project: Project, seen: str) -> Answer:
        """Show another project, as one that has just been opened."""
        return {
            **self.show(project.id, "", seen),
            self._parts.project_id: project.id,
            self._parts.chosen: "",
            self._parts.notice: "",
            self._parts.data_tab.deal: KEEP,
            self._parts.data_tab.which: ALL,
        }

    def choosing(self, name: str) -> Callable[..., Answer]:
        """Return the handler that chooses the strategy ``name``."""

        def choose(project_id: str, _chosen: str, seen: str) -> Answer:
            return {**self.show(project_id, name, seen), self._parts.chosen: name, self._parts.notice: ""}

        return choose

    def find_suspects(self, project_id: str, chosen: str, seen: str) -> Answer:
        """Start to look for wrong labels."""
        return self.act(project_id, chosen, seen, self._service.find_suspects)

    def clean(self, project_id: str, chosen: str, seen: str) -> Answer:
        """Start to write a cleaned copy."""
        return self.act(project_id, chosen, seen, self._service.clean)

    def stop(self, project_id: str, chosen: str, seen: str) -> Answer:
        """Stop looking for wrong labels, and writing a copy."""
        return self.act(project_id, chosen, seen, self._service.stop_data_jobs)

    def act(self, project_id: str, chosen: str, seen: str, act: Callable[[Project], object]) -> Answer:
        """Do something with the tab's project; what cannot be done is said and nothing is lost."""
        project = self._service.find(project_id)
        told = ""
        try:
            if project is not None:
                act(project)
        except FinetuneError as error:
            told = str(error_html(str(error)))
        return {**self.show(project_id, chosen, seen), self._parts.notice: told}

    def _warm(self, view: View, project: Project | None) -> None:
        """Load a new classifier before the first image comes."""
        if project is None or not view.asked or view.asked in self._warmed:
            return
        self._warmed.add(view.asked)
        training = trained(project)
        if training is not None:
            self._service.warm(training)
