"""A training as HTML: its progress, its curves, what it came to, and the trainings before it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from finetune.page.curves import curves_html, read_columns
from finetune.service.projects import Project, Training
from finetune.service.service import can_resume
from finetune.service.status import Status
from ui.web.words import error_html, join, note_html, progress_html, time_words

LAST_SENTENCES = 4


def training_html(project: Project, training: Training, status: Status) -> Markup:
    """Return where the training is, or what it came to."""
    if not training.run.is_dir() and status.state != "failed":
        return error_html(f"the run folder {training.run} has been deleted; train again")
    parts = [Markup('<p class="quiet">{} in {}</p>').format(training.strategy, _shown(training.run))]
    if not status.has_ended:
        parts += [progress_html(status), _said(project, status)]
    elif status.state == "finished":
        parts.append(in_short_html(training.report))
    elif status.state == "interrupted":
        parts.append(_cancelled(project.readable(status.error), can_resume=can_resume(training)))
    else:
        parts.append(error_html(project.readable(status.error)))
    charts = curves_html(read_columns(training.run / "metrics.csv"))
    parts.append(Markup('<div class="curves">{}</div>').format(charts))
    return join(*parts)


def in_short_html(report: Mapping[str, Any]) -> Markup:
    """Return the score alone of a finished run."""
    if not report:
        return note_html("Finished, but its report has been deleted.")
    text = Markup('<p class="headline" role="status"><strong>{:.1f} %</strong> right, in {}.</p>')
    return text.format(100 * report["accuracy"], time_words(report["seconds"]))


def _cancelled(sentence: str, *, can_resume: bool) -> Markup:
    """Say that the user's own wish was done; the command in ``sentence`` is for the command line."""
    told = sentence.partition("; go on with")[0]
    told = f"{told[:1].upper()}{told[1:]}." + (" Press Resume to go on." if can_resume else "")
    return Markup('<p class="told-note" role="status">{}</p>').format(told)


def _shown(run: Path) -> str:
    """Return the run's path as short as it can be from where the page was started."""
    here = Path.cwd()
    return str(run.relative_to(here) if run.is_relative_to(here) else run)


def _said(project: Project, status: Status) -> Markup:
    lines = [Markup("<li>{}</li>").format(project.readable(text)) for text in status.said[-LAST_SENTENCES:]]
    return Markup('<ul class="said">{}</ul>').format(join(*lines)) if lines else Markup("")
