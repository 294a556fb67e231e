"""How the training went: its curves, and what moved in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from finetune.page.curves import curves_html
from finetune.page.markup import NOTHING, folded, join, picture, section, table

HEADS = {
    "epoch": "epoch",
    "train_loss": "training loss",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "val_macro_f1": "validation macro F1",
    "lr": "learning rate",
    "inverse_strength": "inverse strength C",
    "cv_log_loss": "cross-validated log loss",
}


def course_html(columns: Mapping[str, Sequence[float | None]]) -> Markup:
    """Return the learning curves of a run's ``metrics.csv``, or the path of a solved head, and their table."""
    drawn = curves_html(columns)
    if not drawn:
        return Markup()
    shown = [name for name in HEADS if name in columns]
    rows = [[_number(value) for value in row] for row in zip(*(columns[name] for name in shown), strict=True)]
    listed = table([HEADS[name] for name in shown], rows, label="Learning curves")
    return section(
        "Learning curves",
        Markup('<div class="curves">{}</div>').format(drawn),
        folded("The curves as a table", listed),
    )


def moved_html(rows: Sequence[Mapping[str, Any]], chart: Path, interpolation: Path) -> Markup:
    """Return the picture of what moved, its table, and the picture between the head alone and the network."""
    listed = [
        (
            row["group"],
            "frozen" if row["frozen"] else "trained",
            f"{row['n_parameters']:,}",
            NOTHING if row["relative_change"] is None else f"{100 * row['relative_change']:.3g} %",
            _number(row["lr_max"]),
        )
        for row in rows
    ]
    heads = ("layers", "state", "parameters", "change", "largest learning rate")
    drawn = join(
        _wide(
            picture(
                chart,
                "What moved: the change of each layer group's weights, its gradients and learning rates",
            )
        ),
        picture(interpolation, "Validation accuracy between the head alone and the fine-tuned weights"),
    )
    return section(
        "What moved", drawn, folded("What moved as a table", table(heads, listed, label="What moved"))
    )


def _wide(drawing: Markup) -> Markup:
    """Return a picture that would be too small on a phone and scrolls there."""
    frame = Markup('<div class="wide" tabindex="0" role="group" aria-label="What moved">{}</div>')
    return frame.format(drawing) if drawing else Markup()


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4g}"
