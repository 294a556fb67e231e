"""The picture of a learning-rate search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finetune.evaluation.figures import BLUE, GREY, new_figure, save_figure


def draw_lr_search(
    rates: Sequence[float], losses: Sequence[float], chosen: float, *, is_found: bool, path: Path
) -> None:
    """Draw the smoothed loss (nats) over the rates tried, and the one that is used."""
    figure, (axes,) = new_figure(5.4, 3.6, columns=1)
    axes.plot(rates, losses, color=BLUE)
    axes.axvline(chosen, color=GREY, linewidth=0.8, linestyle=":")
    label = f"found: {chosen:.2g}" if is_found else f"no clear valley; used: {chosen:.2g}"
    axes.annotate(label, (chosen, max(losses, default=0.0)), fontsize=8, ha="center", va="bottom")
    axes.set(
        xscale="log", xlabel="learning rate of the head", ylabel="smoothed loss (nats)",
        title="Search on a copy",
    )  # fmt: skip
    axes.margins(y=0.12)
    save_figure(figure, path)
