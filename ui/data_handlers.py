"""What is done by hand on the tab Data: images added and removed, labels corrected, earlier data sets opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from finetune.errors import DataError, FinetuneError, OptionError
from finetune.service.additions import class_name
from finetune.service.curation import known_classes, known_labels
from finetune.service.data_jobs import newest_job
from finetune.service.projects import Project
from finetune.service.service import Service
from ui.clicks import on_press
from ui.earlier_view import earlier_sets
from ui.web.by_hand import KEEP, OUT, SUGGESTED, UNDO
from ui.web.earlier import ASK, DELETE, OPEN, earlier_html
from ui.web.words import error_html
from ui.wiring import on

if TYPE_CHECKING:
    from ui.handlers import Answer, Handlers
    from ui.layout import Parts

MOST_KNOWN = 100
Uploaded = Mapping[str, Any]
"""The browser's own word for an uploaded file."""


class DataHandlers:
    """The handlers over the page's own; those end in its `show`."""

    def __init__(self, parts: Parts, service: Service, do: Handlers) -> None:
        self._parts, self._service, self._do = parts, service, do

    def add(
        self,
        project_id: str,
        chosen: str,
        seen: str,
        label: str,
        files: Sequence[Uploaded] | None,
        picture: Uploaded | None,
    ) -> Answer:
        """Add uploaded images and that of the camera to a class; without a project one is begun.

        What was added leaves its field; what could not be is told by its name.
        """
        hand = self._parts.data_tab.hand
        paths = [
            path for each in [*(files or ()), *([picture] if picture else ())] if (path := self._path(each))
        ]
        try:
            class_name(label)
            if not paths:
                raise OptionError(
                    "there is no image to add; choose some, take one with the camera or paste one"
                )
            project = self._service.find(project_id) or self._service.begin_set()
        except FinetuneError as error:
            return self._told(error, project_id, chosen, seen)
        refused = []
        for path in paths:
            try:
                self._service.add_image(project, path, label)
            except FinetuneError as error:
                refused.append(str(error))
        return {
            **self._do.show(project.id, chosen, seen),
            self._parts.project_id: project.id,
            self._parts.notice: str(error_html("; ".join(refused[:3]))) if refused else "",
            hand.files: gr.update(value=None),
            hand.picture: gr.update(value=None),
        }

    def fresh(self, project_id: str, chosen: str, seen: str) -> Answer:
        """Begin a set without images."""
        try:
            project = self._service.begin_set()
        except FinetuneError as error:
            return self._told(error, project_id, chosen, seen)
        return self._do.begin(project, seen)

    def remove(self, project_id: str, chosen: str, seen: str, name: str) -> Answer:
        """Take an added image out again."""
        return self._do.act(
            project_id, chosen, seen, lambda project: self._service.curation.remove(project, name)
        )

    def look(self, project_id: str, chosen: str, seen: str, backbone: str) -> Answer:
        """Look at the images as they are now; the first time by ``backbone``."""

        def start(project: Project) -> None:
            first = project.is_made and not project.findings
            self._service.curation.look(project, backbone=backbone if first else None)

        return self._do.act(project_id, chosen, seen, start)

    def correct(self, project_id: str, chosen: str, seen: str, asked: str) -> Answer:
        """Decide on one image: ``asked`` is a verb, a colon and its name."""
        verb, _, name = asked.partition(":")

        def decide(project: Project) -> None:
            curation = self._service.curation
            if verb == UNDO:
                curation.take_back(project, name)
            elif verb == OUT:
                curation.correct(project, name, "")
            elif verb == KEEP:
                curation.correct(project, name, known_labels(project).get(name, ""))
            elif verb == SUGGESTED:
                curation.correct(project, name, _suggested(project, name))

        return self._do.act(project_id, chosen, seen, decide)

    def give_class(self, project_id: str, chosen: str, seen: str, asked: str) -> Answer:
        """Give one image another class: ``asked`` is the class's number, a colon and the image's name."""
        number, _, name = asked.partition(":")

        def decide(project: Project) -> None:
            classes = known_classes(project)
            if not number.isdecimal() or int(number) >= len(classes):
                raise DataError(f"{project.name} has no such class; look at the page again")
            self._service.curation.correct(project, name, classes[int(number)])

        return self._do.act(project_id, chosen, seen, decide)

    def remember(self, known: list[str], project_id: str) -> tuple[list[str], str]:
        """Return the ids that the browser is to keep, the newest first, and the list of its data sets."""
        ids = [each for each in known or () if isinstance(each, str) and each != project_id]
        if project_id and self._service.find(project_id) is not None:
            ids.insert(0, project_id)
        kept = ids[:MOST_KNOWN]
        return kept, str(earlier_html(earlier_sets(self._service, kept, project_id)))

    def earlier(self, known: list[str], project_id: str, chosen: str, seen: str, asked: str) -> Answer:
        """Open an earlier data set, ask whether to delete it, or delete it."""
        verb, _, wanted = asked.partition(":")
        project = self._service.find(wanted)
        answer: Answer = {}
        if project is not None and verb == OPEN:
            answer = self._do.begin(project, seen)
            project_id = project.id
        elif project is not None and verb == DELETE:
            try:
                self._service.delete_project(project)
            except FinetuneError as error:
                return self._told(error, project_id, chosen, seen)
            if project_id == wanted:
                project_id = ""
                answer = {**self._do.show("", "", seen), self._parts.project_id: "", self._parts.chosen: ""}
        kept, html = self.remember(known, project_id)
        if verb == ASK:
            html = str(earlier_html(earlier_sets(self._service, kept, project_id), wanted))
        hand = self._parts.data_tab.hand
        return {
            **(answer or self._do.show(project_id, chosen, seen)),
            self._parts.known: kept,
            hand.earlier: html,
        }

    def _told(self, error: FinetuneError, project_id: str, chosen: str, seen: str) -> Answer:
        return {
            **self._do.show(project_id, chosen, seen),
            self._parts.notice: str(error_html(str(error))),
        }

    def _path(self, uploaded: Uploaded) -> Path | None:
        """Return where an uploaded file lies; None for anything else that a browser may name."""
        path = self._service.uploaded(str(uploaded.get("path") or ""))
        return path if path is not None and path.is_file() else None


def _suggested(project: Project, name: str) -> str:
    newest = newest_job(project, "suspects")
    for row in newest.result.get("suspects", ()) if newest is not None else ():
        if row["path"] == name:
            return str(row["suggested"])
    raise DataError(f"{project.name} has no list of wrong labels with this image; look for them again")


def wire_data(
    blocks: gr.Blocks, parts: Parts, service: Service, do: Handlers, everything: Sequence[Any]
) -> None:
    """Wire what is done by hand; ``everything`` is what a handler that acts may change."""
    hands, data, hand = DataHandlers(parts, service, do), parts.data_tab, parts.data_tab.hand
    state = [parts.project_id, parts.chosen, parts.seen]
    adding = [*everything, hand.files, hand.picture]
    on(hand.add.click, hands.add, [*state, hand.label, hand.files, hand.picture], adding, preprocess=False)
    on(hand.fresh.click, hands.fresh, state, everything)
    on(data.look.click, hands.look, [*state, data.backbone], everything)
    on_press(hand.removed, hands.remove, state, everything)
    on_press(hand.corrected, hands.correct, state, everything)
    on_press(hand.classed, hands.give_class, state, everything)
    remembered = [parts.known, hand.earlier]
    for event in (blocks.load, parts.project_id.change, parts.each["Data"].select):
        on(event, hands.remember, [parts.known, parts.project_id], remembered)
    on_press(hand.earlier_pressed, hands.earlier, [parts.known, *state], [*everything, *remembered])
