"""How the training went: its curves, and what moved in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from finetune.page.curves import curves_html
from finetune.page.markup import NOTHING, folded, join, picture, section, table
from finetune.words import noted, t

HEADS = {
    "epoch": noted("epoch"),
    "train_loss": noted("training loss"),
    "val_loss": noted("validation loss"),
    "val_accuracy": noted("validation accuracy"),
    "val_macro_f1": noted("validation macro F1"),
    "lr": noted("learning rate"),
    "inverse_strength": noted("inverse strength C"),
    "cv_log_loss": noted("cross-validated log loss"),
}


def course_html(columns: Mapping[str, Sequence[float | None]]) -> Markup:
    """Return the learning curves of a run's ``metrics.csv``, or the path of a solved head, and their table."""
    drawn = curves_html(columns)
    if not drawn:
        return Markup()
    shown = [name for name in HEADS if name in columns]
    rows = [[_number(value) for value in row] for row in zip(*(columns[name] for name in shown), strict=True)]
    listed = table([t(HEADS[name]) for name in shown], rows, label=t("Learning curves"))
    return section(
        t("Learning curves"),
        Markup('<div class="curves">{}</div>').format(drawn),
        folded(t("The curves as a table"), listed),
    )


def moved_html(rows: Sequence[Mapping[str, Any]], chart: Path, interpolation: Path) -> Markup:
    """Return the picture of what moved, its table, and the picture between the head alone and the network."""
    words = t("What moved: the change of each layer group's weights, its gradients and learning rates")
    between = t("Validation accuracy between the head alone and the fine-tuned weights")
    drawn = join(_wide(picture(chart, words)), picture(interpolation, between))
    return section(t("What moved"), drawn, folded(t("What moved as a table"), moved_table_html(rows)))


def moved_table_html(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the groups of ``what_moved.json`` as a table."""
    listed = [
        (
            row["group"],
            t("frozen") if row["frozen"] else t("trained"),
            f"{row['n_parameters']:,}",
            NOTHING if row["relative_change"] is None else f"{100 * row['relative_change']:.3g} %",
            _number(row["lr_max"]),
        )
        for row in rows
    ]
    heads = (t("layers"), t("state"), t("parameters"), t("change"), t("largest learning rate"))
    return table(heads, listed, label=t("What moved"))


def read_moved(path: Path) -> Sequence[Mapping[str, Any]]:
    """Return the groups of a run's ``what_moved.json``, none where there is no such file or it is damaged."""
    try:
        rows: Sequence[Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["groups"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return rows


def _wide(drawing: Markup) -> Markup:
    """Return a picture that would be too small on a phone and scrolls there."""
    frame = Markup('<div class="wide" tabindex="0" role="group" aria-label="{}">{}</div>')
    return frame.format(t("What moved"), drawing) if drawing else Markup()


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4g}"
