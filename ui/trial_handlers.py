"""What the tab Test does: ask a classifier about one image or many, and say why."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import gradio as gr
from markupsafe import Markup

from finetune.errors import FinetuneError
from finetune.service.data_jobs import newest_job
from finetune.service.held_out import read_held_out
from finetune.service.projects import Project, Training
from finetune.service.service import Service
from finetune.service.trainings import trained
from finetune.service.trials import KIND, read_trial
from finetune.words import t
from ui.clicks import on_press
from ui.tabs.trial import TrialParts
from ui.trial_updates import no_answer
from ui.web.trial import answer_html, why_html
from ui.web.words import error_html
from ui.wiring import on

if TYPE_CHECKING:
    from ui.layout import Parts

Answer = dict[Any, Any]
T = TypeVar("T")
Upload = Mapping[str, Any] | None
"""The browser's own word for an uploaded file: Gradio would open it first, and its words for one that is no image are
not ours."""


class TrialHandlers:
    """The handlers of one page's tab Test; a project's id is its key, and only uploaded files are looked at."""

    def __init__(self, service: Service, test: TrialParts) -> None:
        self._service = service
        self._test = test

    def classify(self, project_id: str, image: Upload, truth: Mapping[str, str] | None) -> Answer:
        """Show the labels of ``image`` with their probabilities, or what is wrong with it.

        ``truth`` has the ``name`` and the ``label`` of the image that was chosen last.
        """
        test = self._test
        _, training = self._asked(project_id)
        path = self._uploaded(image)
        if path is None or training is None:
            return no_answer(test)
        try:
            answer = self._service.predict(training, path)
        except FinetuneError as error:
            return {**no_answer(test), test.answer: "", test.trouble: str(error_html(str(error)))}
        if answer.error:
            return {**no_answer(test), test.answer: "", test.trouble: str(error_html(answer.error))}
        label = str(truth["label"]) if truth and truth.get("name") == path.name else ""
        fitted_on = training.report.get("calibration", {}).get("fitted_on", "none")
        return {
            **no_answer(test),
            test.answer: str(answer_html(answer, label=label, is_calibrated=fitted_on != "none")),
            test.ask_why: gr.update(visible=True),
            test.add_row: gr.update(visible=not label),
        }

    def why(self, project_id: str, image: Upload) -> str:
        """Return the picture of what spoke for the answer to ``image``."""
        _, training = self._asked(project_id)
        path = self._uploaded(image)
        if path is None or training is None:
            return ""
        try:
            found = self._service.why(training, path)
        except FinetuneError as error:
            return str(error_html(str(error)))
        return str(error_html(found.error) if found.error else why_html(found))

    def take_held_out(self, project_id: str, number: str) -> Answer:
        """Ask about the held-out image of this number."""
        _, training = self._asked(project_id)
        images = read_held_out(training.job) if training is not None else ()
        chosen = _numbered(images, number)
        if chosen is None:
            return {self._test.truth: gr.skip()}
        lent = self._lend(chosen.image)
        return {self._test.image: str(lent), self._test.truth: {"name": lent.name, "label": chosen.label}}

    def take_asked(self, project_id: str, number: str) -> Answer:
        """Ask about the one of the many images that has this number, to see all that can be said of it."""
        project, _ = self._asked(project_id)
        job = newest_job(project, KIND) if project is not None else None
        trial = read_trial(project, job) if project is not None and job is not None else None
        chosen = _numbered(trial.shown, number) if trial is not None else None
        if chosen is None or not chosen.image.is_file():
            return {self._test.truth: gr.skip()}
        return {self._test.image: str(self._lend(chosen.image)), self._test.truth: {}}

    def ask_many(self, project_id: str, files: Sequence[Upload] | None) -> Answer:
        """Start to ask about the uploaded ``files``; the upload field lets go of them, since they have moved."""
        test = self._test
        project, training = self._asked(project_id)
        paths = [path for path in map(self._uploaded, files or ()) if path is not None and path.is_file()]
        told = ""
        if project is not None and training is not None and paths:
            try:
                self._service.ask_many(project, training, paths)
            except FinetuneError as error:
                told = str(error_html(str(error)))
        return {test.many: None, test.many_trouble: told}

    def stop_many(self, project_id: str) -> Answer:
        """Stop asking about many images."""
        project, _ = self._asked(project_id)
        if project is not None:
            self._service.stop_asking(project)
        return {self._test.many_trouble: ""}

    def add(self, project_id: str, image: Upload, label: str | None) -> Answer:
        """Add ``image`` to the project's data set as one of the class ``label``, a new one too."""
        project, _ = self._asked(project_id)
        path = self._uploaded(image)
        if project is None or path is None:
            return {self._test.added: ""}
        label = (label or "").strip()
        if not label:
            return {self._test.added: str(error_html(t("choose the class first, or write a new one")))}
        try:
            self._service.add_image(project, path, label)
        except FinetuneError as error:
            return {self._test.added: str(error_html(str(error)))}
        told = t("Added to the data set as {}; look again on the tab Data.").format(label)
        return {self._test.added: str(Markup('<p class="told-note" role="status">{}</p>').format(told))}

    def _asked(self, project_id: str) -> tuple[Project | None, Training | None]:
        """Return the project, and the training whose classifier answers for it; None where there is none."""
        project = self._service.find(project_id)
        return project, trained(project) if project is not None else None

    def _uploaded(self, image: Upload) -> Path | None:
        """Return the uploaded file to ask about; None for none and for any other file."""
        return self._service.uploaded(str(image["path"])) if image and image.get("path") else None

    def _lend(self, image: Path) -> Path:
        """Copy an image of ours to where uploads lie, as if the browser had sent it."""
        name = f"image-{secrets.token_hex(16)}"
        folder = self._service.uploads / name
        folder.mkdir()
        return Path(shutil.copyfile(image, folder / f"{name}{image.suffix}"))


def _numbered(things: Sequence[T], number: str) -> T | None:
    """Return the one that the browser means by ``number``, None for what is none."""
    return (
        things[int(number)] if number.isascii() and number.isdigit() and int(number) < len(things) else None
    )


def wire_trial(parts: Parts, do: TrialHandlers) -> None:
    """Wire the tab's events to ``do``."""
    test, project = parts.test_tab, parts.project_id
    answer = list(no_answer(test))
    on(test.image.change, do.classify, [project, test.image, test.truth], answer, preprocess=False)
    on(test.ask_why.click, do.why, [project, test.image], [test.why], preprocess=False)
    on(test.add.click, do.add, [project, test.image, test.label], [test.added], preprocess=False)
    chosen = [test.image, test.truth]
    on_press(test.pressed_held_out, do.take_held_out, [project], chosen)
    on_press(test.pressed_asked, do.take_asked, [project], chosen)
    on(test.many.upload, do.ask_many, [project, test.many], [test.many, test.many_trouble], preprocess=False)
    on(test.stop_many.click, do.stop_many, [project], [test.many_trouble])
