"""What a classifier is worth on labelled images, for the terminal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ui.present import table

if TYPE_CHECKING:
    from finetune.evaluation.calibration import Calibration
    from finetune.evaluation.metrics import Metrics
    from finetune.evaluation.scoring import Figure
    from finetune.evaluation.summary import Summary


def summary_view(summary: Summary, class_names: Sequence[str]) -> RenderableType:
    """Show the scores with their intervals, each class's, and the calibration."""
    scores = table("score", "value", "95 % interval", right=("value", "95 % interval"))
    for name, figure in summary.figures.overall.items():
        scores.add_row(name.replace("_", " "), *_figure(figure))
    return Group(
        headline(summary.metrics),
        scores,
        "",
        _classes(summary, class_names),
        *_calibration(summary.calibration),
    )


def headline(metrics: Metrics) -> Text:
    """Return the scores in one sentence."""
    low, high = metrics.accuracy_interval
    return Text(
        f"{metrics.n_correct} of {metrics.n_images} right: {100 * metrics.accuracy:.1f} % "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f}); balanced {100 * metrics.balanced_accuracy:.1f} %, "
        f"macro F1 {metrics.macro_f1:.3f}, log loss {metrics.log_loss:.3f}",
        style="bold",
    )


def _classes(summary: Summary, class_names: Sequence[str]) -> Table:
    made = table("class", "images", "right", "precision", "F1", right=("images", "right", "precision", "F1"))
    confusion = summary.metrics.confusion
    for index, (name, each) in enumerate(zip(class_names, summary.figures.classes, strict=True)):
        right = f"{100 * confusion[index][index] / each.support:.1f} %" if each.support else "–"
        scores = (" ".join(_figure(figure, digits=2)) for figure in (each.precision, each.f1))
        made.add_row(escape(name), str(each.support), right, *scores)
    return made


def _figure(figure: Figure, *, digits: int = 3) -> tuple[str, str]:
    if figure.value is None:
        return "–", ""
    known = f"{figure.value:.{digits}f}"
    if figure.low is None:
        return known, ""
    return known, f"({figure.low:.{digits}f} to {figure.high:.{digits}f})"


def _calibration(found: Calibration) -> list[Text]:
    if found.ece_before is None or found.ece_after is None:
        return []
    after = (
        "" if found.fitted_on == "none" else f", {found.ece_after:.3f} at temperature {found.temperature:.2f}"
    )
    return [Text(f"calibration error {found.ece_before:.3f}{after}")]
