"""A training at work as HTML: how far it is, its curves, how it ended, and its log."""

from __future__ import annotations

from markupsafe import Markup

from finetune.page.curves import curves_html, read_columns
from finetune.service.engine.standing import STOPPING
from finetune.service.projects import Project, Training
from finetune.service.result import read_result
from finetune.service.status import Status
from finetune.service.trainings import can_resume
from finetune.words import noted, t
from ui.web.words import error_html, join, note_html, progress_html, spoken, time_words

LAST_SENTENCES = 4
LAST_LINES = 200
MOST_BYTES = 64 * 1024
BEING_DELETED = noted("It ends, and what it has is deleted.")
STAMP = len("2025-01-31 12:00:00 ")
"""A line of the log begins with its time."""


def training_html(project: Project, training: Training, status: Status) -> Markup:
    """Return where the training is, or how it ended, with its curves."""
    if training.is_discarded and status.has_ended:
        if training.run.is_dir():  # its process has said its last word, but may still write
            return note_html(t(BEING_DELETED))
        return _note(t("Cancelled: what this training had is deleted. Earlier trainings are as they were."))
    if not training.run.is_dir() and status.state != "failed":
        return error_html(t("the run folder {} has been deleted; train again").format(training.run))
    parts = [note_html(t("{} in the folder {}").format(training.strategy, training.run.name))]
    if not status.has_ended:
        parts += [progress_html(status), _stopping(training, status), _said(project, status)]
    elif status.state == "finished":
        parts.append(_in_short(training))
    elif status.state == "interrupted":
        parts.append(_paused(training))
    else:
        parts.append(error_html(project.readable(status.error)))
    charts = curves_html(read_columns(training.run / "metrics.csv"))
    parts.append(Markup('<div class="curves">{}</div>').format(charts))
    return join(*parts)


def _in_short(training: Training) -> Markup:
    """Return the score alone of a finished run."""
    report = training.report
    if not report:
        return note_html(t("Finished, but its report has been deleted."))
    text = t(Markup("<strong>{:.1f} %</strong> right, in {}."))
    return Markup('<p class="headline" role="status">{}</p>').format(
        text.format(100 * report["accuracy"], time_words(report["seconds"]))
    )


def _stopping(training: Training, status: Status) -> Markup:
    """Say what comes of a wish to stop while it is being done."""
    if status.phase != STOPPING:
        return Markup("")
    if training.is_discarded:
        return note_html(t(BEING_DELETED))
    return note_html(t("It ends the step that it is in and keeps its state; then Resume goes on from there."))


def _paused(training: Training) -> Markup:
    """Say how far it came and what is kept."""
    record = read_result(training.run / "run.json")
    if not can_resume(training):
        return _note(t("Stopped before the training began, so there is nothing to keep."))
    done, planned = record.get("epochs_done", 0), record.get("epochs_planned")
    if done:
        told = t("Paused after epoch {} of {}.").format(done, planned)
    else:
        told = t("Paused before the end of the first epoch.")
    kept = t(
        "Its state is kept: Resume goes on from there to the very result that it would have had; "
        "Cancel deletes it."
    )
    return _note(t("{} {}").format(told, kept))


def _note(sentence: str) -> Markup:
    return Markup('<p class="told-note" role="status">{}</p>').format(sentence)


def _said(project: Project, status: Status) -> Markup:
    told = (spoken(project.readable(text)) for text in status.said[-LAST_SENTENCES:])
    lines = [Markup("<li>{}</li>").format(text) for text in told]
    return Markup('<ul class="said">{}</ul>').format(join(*lines)) if lines else Markup("")


def log_html(project: Project, training: Training) -> Markup:
    """Return the last lines of the run's log, and where to download all of it; nothing before there is one."""
    lines = _last_lines(training)
    if not lines:
        return note_html(t("Here will stand what the training says, line by line."))
    hidden = f"{training.run.parent}/"
    told = (line[:STAMP] + spoken(project.readable(line[STAMP:]).replace(hidden, "")) for line in lines)
    return Markup(
        '<p><a class="download second" href="/log/{}/{}" download>{}</a></p>'
        '<pre class="log" tabindex="0" role="region" aria-label="{}">{}</pre>'
    ).format(
        project.id, training.job.name, t("Download the whole log"), t("Last lines of the log"), "\n".join(told)
    )  # fmt: skip


def _last_lines(training: Training) -> list[str]:
    try:
        with (training.run / "log.txt").open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - MOST_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-LAST_LINES:]
