"""A training as HTML: its progress, its curves, what it came to, and the trainings before it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from finetune.page.curves import curves_html, read_columns
from finetune.service.projects import Project, Training
from finetune.service.service import can_resume
from finetune.service.status import Status
from ui.web.words import error_html, join, note_html, progress_html, time_words

LAST_SENTENCES = 4
CORRECTED = {
    "drop_suspects": "Images left out, as their label is probably wrong: {:,}.",
    "relabel": "Images given the class suggested, as their label is probably wrong: {:,}.",
}
"""What a report's corrections mean, by the recipe's field."""

BASELINES = {
    "knn": "nearest neighbours of the pretrained features",
    "linear_probe": "the head alone trained on them",
}


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


def results_html(training: Training) -> Markup:
    """Return what a training that has ended came to, with the picture of what is taken for what."""
    named = Markup('<p class="quiet">{} in {}</p>').format(training.strategy, _shown(training.run))
    picture = _picture(training.run / "confusion.png", "Confusion matrix: what is taken for what")
    return join(named, result_html(training.report), Markup('<div class="curves">{}</div>').format(picture))


def in_short_html(report: Mapping[str, Any]) -> Markup:
    """Return the score alone of a finished run."""
    if not report:
        return result_html(report)
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


def result_html(report: Mapping[str, Any]) -> Markup:
    """Return a finished run's score with its interval, beside the score of always naming the commonest class."""
    if not report:
        return note_html("Finished, but its report has been deleted.")
    low, high = report["accuracy_interval"]
    split = {"test": "test images", "val": "validation images"}[report["accuracy_split"]]
    n_images = report[f"n_{report['accuracy_split']}"]
    caution = (
        " The epoch was chosen on these same images, so expect a little less on new ones."
        if report["selection_split"] == report["accuracy_split"]
        else ""
    )
    notes = [note_html(f"{note[:1].upper()}{note[1:]}.") for note in report.get("notes", ())]
    for field, correction in report.get("corrections", {}).items():
        notes.append(note_html(CORRECTED[field].format(correction["count"])))
    score = Markup(
        '<div class="result" role="status"><p class="headline"><strong>{:.1f} %</strong> of {} {} right</p>'
        "<p>With so many images, the true accuracy lies between {:.1f} and {:.1f} % (95 % interval). "
        "The macro F1, in which every class counts alike, is {:.3f}. Always naming "
        "the commonest class gets {:.1f} %. {:.3g} % of the parameters were trained, in {}.{}</p></div>"
    ).format(
        100 * report["accuracy"],
        n_images,
        split,
        100 * low,
        100 * high,
        report["macro_f1"],
        100 * report["majority_accuracy"],
        100 * report["trainable_share"],
        time_words(report["seconds"]),
        caution,
    )
    return join(score, _beside(report), *notes)


def _beside(report: Mapping[str, Any]) -> Markup:
    """Return the baselines that were measured in one sentence."""
    found = report.get("baselines", {})
    told = [
        f"{name} {100 * found[key]['accuracy']:.1f} %"
        for key, name in BASELINES.items()
        if "accuracy" in found.get(key, {})
    ]
    return note_html(f"For comparison: {', '.join(told)}.") if told else Markup("")


def _picture(path: Path, alt: str) -> Markup:
    try:
        encoded = base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return Markup("")
    return Markup('<img class="picture" src="data:image/png;base64,{}" alt="{}">').format(encoded, alt)


def history_html(trainings: Sequence[Training]) -> Markup:
    """Return a table of the finished trainings of a project, for comparison; empty for fewer than two."""
    newest = {training.run: training for training in trainings}  # a resumed run is one run
    rows = [(training, report) for training in newest.values() if (report := training.report)]
    if len(rows) < 2:
        return Markup("")
    cells = [
        Markup("<tr><td>{}</td><td>{:.1f} % ({:.1f} – {:.1f})</td><td>{}</td><td>{} px</td></tr>").format(
            training.strategy,
            100 * report["accuracy"],
            *(100 * bound for bound in report["accuracy_interval"]),
            time_words(report["seconds"]),
            report["image_size"],
        )
        for training, report in rows
    ]
    return Markup(
        '<table class="history"><caption>Trainings of these images</caption><thead><tr><th>strategy</th>'
        "<th>right (95 % interval)</th><th>time</th><th>input</th></tr></thead><tbody>{}</tbody></table>"
    ).format(join(*cells))
