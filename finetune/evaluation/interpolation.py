"""The line between two sets of weights, what validation says along it, and its picture."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetune.evaluation.figures import BLUE, GREY, new_figure, save_figure


@dataclass(frozen=True)
class InterpolationRow:
    """The weights at ``alpha``: 0 is the head alone, 1 the fine-tuned network. Scores as in `Scores`."""

    alpha: float
    val_loss: float
    val_accuracy: float
    val_score: float


@dataclass(frozen=True)
class Interpolation:
    """At least one row, by rising alpha."""

    rows: tuple[InterpolationRow, ...]

    @property
    def best(self) -> InterpolationRow:
        """The row with the highest score, of equals the nearest to the fine-tuned network."""
        return max(self.rows, key=lambda row: (_or_least(row.val_score), row.alpha))

    def to_json(self) -> dict[str, Any]:
        """Return the chosen alpha and the table."""
        return {"alpha": self.best.alpha, "rows": [asdict(row) for row in self.rows]}

    def sentence(self) -> str:
        """Say what was chosen and what the two ends have."""
        first, last, best = self.rows[0], self.rows[-1], self.best
        ends = (
            f"the head alone gets {100 * first.val_accuracy:.1f} % of val right, "
            f"the fine-tuned network {100 * last.val_accuracy:.1f} %"
        )
        return f"WiSE-FT: alpha {best.alpha:g} is kept with {100 * best.val_accuracy:.1f} %; {ends}"


def _or_least(score: float) -> float:
    return score if math.isfinite(score) else -math.inf


def draw_interpolation(interpolation: Interpolation, path: Path) -> None:
    """Draw the validation accuracy along the line, and the point that was chosen."""
    figure, (axes,) = new_figure(5.4, 3.6, columns=1)
    rows, best = interpolation.rows, interpolation.best
    alphas, shares = [row.alpha for row in rows], [100 * row.val_accuracy for row in rows]
    axes.plot(alphas, shares, color=BLUE, marker="o", markersize=4)
    axes.axvline(best.alpha, color=GREY, linewidth=0.8, linestyle=":")
    axes.plot(
        [best.alpha], [100 * best.val_accuracy], marker="o", markersize=11, fillstyle="none", color=GREY
    )
    axes.set_xticks(alphas, [f"{alpha:g}" for alpha in alphas])
    axes.margins(y=0.25)
    axes.set(
        xlabel="alpha: 0 the head alone, 1 fine-tuned",
        ylabel="right (%)",
        title=f"Validation: {100 * best.val_accuracy:.1f} % at alpha {best.alpha:g}, which is kept",
    )
    save_figure(figure, path)
