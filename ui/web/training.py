"""What a training came to as HTML, and the trainings before it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from finetune.service.projects import Training
from ui.web.words import join, note_html, time_words

CORRECTED = {
    "drop_suspects": "Images left out, as their label is probably wrong: {:,}.",
    "relabel": "Images given the class suggested, as their label is probably wrong: {:,}.",
}
"""What a report's corrections mean, by the recipe's field."""

BASELINES = {
    "knn": "nearest neighbours of the pretrained features",
    "linear_probe": "the head alone trained on them",
}


def results_html(training: Training) -> Markup:
    """Return what a training that has ended came to, with the picture of what is taken for what."""
    named = Markup('<p class="quiet">{} in {}</p>').format(training.strategy, _shown(training.run))
    picture = _picture(training.run / "confusion.png", "Confusion matrix: what is taken for what")
    return join(named, result_html(training.report), Markup('<div class="curves">{}</div>').format(picture))


def _shown(run: Path) -> str:
    """Return the run's path as short as it can be from where the page was started."""
    here = Path.cwd()
    return str(run.relative_to(here) if run.is_relative_to(here) else run)


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
