"""A run's report, or an evaluation's, as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from finetune.page.calibration import calibration_html
from finetune.page.confusion import confusion_html
from finetune.page.course import course_html, moved_html, read_moved
from finetune.page.curves import read_columns
from finetune.page.facts import cost_html, data_html, origin_html, recipe_html
from finetune.page.gallery import gallery_html
from finetune.page.markup import document, join, paragraph, style_sheets
from finetune.page.scores import classes_html, figures_html, headline_html


def report_page(
    report: Mapping[str, Any], *, title: str, thumbnails: Mapping[str, str], run: Path | None = None
) -> str:
    """Return the whole page of ``report``, as report.json has it; ``run`` is the folder with curves and recipe.

    ``thumbnails`` are data URIs of the gallery's images by their names. What is missing leaves its section out.
    """
    body = join(
        Markup("<h1>{}</h1>").format(title),
        paragraph(report.get("about", ""), quiet=True),
        headline_html(report),
        figures_html(report),
        confusion_html(report),
        classes_html(report),
        gallery_html(report, thumbnails),
        calibration_html(report),
        _course(run),
        data_html(report),
        recipe_html(report, _text(run / "recipe.yaml") if run else ""),
        cost_html(report),
        origin_html(report),
    )
    return document(title, style_sheets("shared.css", "results.css", "alone.css", "report.css"), body)


def _course(run: Path | None) -> Markup:
    if run is None:
        return Markup()
    moved = moved_html(read_moved(run / "what_moved.json"), run / "what_moved.png", run / "wise_ft.png")
    return join(course_html(read_columns(run / "metrics.csv")), moved)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
