"""What a finished run came to, as HTML, from the pieces that its report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from finetune.page.calibration import calibration_html
from finetune.page.course import course_html, moved_table_html, read_moved
from finetune.page.curves import read_columns
from finetune.page.gallery import gallery_html
from finetune.page.markup import folded, join, paragraph, section, time_words
from finetune.page.moved import moved_bars_html
from finetune.page.scores import classes_html, figures_html, headline_html
from finetune.words import noted, t
from ui.web.words import note_html

CORRECTED = {
    "drop_suspects": noted("Images left out, as their label is probably wrong: {:,}."),
    "relabel": noted("Images given the class suggested, as their label is probably wrong: {:,}."),
}
"""What a report's corrections mean, by the recipe's field."""


def score_html(report: Mapping[str, Any], *, name: str) -> Markup:
    """Return the score with its interval beside the baselines, and how the run ``name`` came to it."""
    facts = t("{}: {}, {}, {} px; {:.3g} % of the parameters trained, in {}").format(
        name,
        report["strategy"],
        report["backbone"],
        report["image_size"],
        100 * report["trainable_share"],
        time_words(report["seconds"]),
    )
    corrected = [
        note_html(t(CORRECTED[field]).format(correction["count"]))
        for field, correction in report.get("corrections", {}).items()
    ]
    return join(paragraph(facts, quiet=True), headline_html(report), *corrected)


def details_html(report: Mapping[str, Any], run: Path, thumbnails: Mapping[str, str]) -> Markup:
    """Return the rest: classes, worst mistakes, calibration, what moved, curves, all figures.

    ``thumbnails`` are the addresses of the gallery's images by their names.
    """
    return join(
        classes_html(report),
        gallery_html(report, thumbnails),
        calibration_html(report),
        _moved(run),
        course_html(read_columns(run / "metrics.csv")),
        figures_html(report),
    )


def _moved(run: Path) -> Markup:
    rows = read_moved(run / "what_moved.json")
    if not rows:
        return Markup()
    told = t("How far each part of the network moved from where it began, from the input to the head.")
    return section(
        t("What moved"),
        paragraph(told, quiet=True),
        moved_bars_html(rows),
        folded(t("What moved as a table"), moved_table_html(rows)),
    )
