"""What the tab Test shows besides the answer to one image, as one value. Pure but for reading."""

from __future__ import annotations

from dataclasses import dataclass

from finetune.service.data_jobs import newest_job
from finetune.service.held_out import read_held_out
from finetune.service.projects import Project, Training
from finetune.service.trials import KIND, read_trial
from finetune.words import noted, t
from ui.web.trial_many import held_out_html, trial_html
from ui.web.words import error_html, note_html, progress_html

NOTHING_MANY = noted("Drop images or a zip: each gets its label here, and all of them come as one CSV.")


@dataclass(frozen=True)
class TrialView:
    """``held_out`` and ``answers`` are HTML; ``classes`` are those that an image can be added to.

    ``is_open``: there is a classifier to ask. ``is_answering``: many images are being asked about.
    """

    is_open: bool = False
    held_out: str = ""
    answers: str = ""
    is_answering: bool = False
    classes: tuple[str, ...] = ()


NO_TRIAL = TrialView()


def make_trial_view(project: Project, answering: Training | None) -> TrialView:
    """Return what to show of ``project``, whose classifier ``answering`` made."""
    if answering is None:
        return NO_TRIAL
    held_out = read_held_out(answering.job)
    answers, is_answering = _answers(project)
    return TrialView(
        is_open=True,
        held_out=str(held_out_html(held_out, f"/held-out/{project.id}/{answering.job.name}")),
        answers=answers,
        is_answering=is_answering,
        classes=tuple(project.findings["health"]["classes"]),
    )


def _answers(project: Project) -> tuple[str, bool]:
    """Return how far the newest question about many images is, or what came of it, and whether it goes on."""
    job = newest_job(project, KIND)
    status = None if job is None else job.status
    if job is None or status is None:
        return str(note_html(t(NOTHING_MANY))), False
    if not status.has_ended:
        return str(progress_html(status)), True
    trial = read_trial(project, job) if status.state == "finished" else None
    if trial is not None:
        pictures, table = f"/asked/{project.id}/{job.number}", f"/answers/{project.id}/{job.number}"
        return str(trial_html(trial, pictures=pictures, table=table)), False
    if status.state == "interrupted":
        return str(note_html(t("Stopped."))), False
    return str(error_html(project.readable(status.error))), False
