"""The picture of what moved: a row a layer group in network order, frozen ones hatched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finetune.evaluation.figures import BLUE, GREY, new_figure, save_figure, short_name
from finetune.evaluation.movement import GroupEpoch, Movement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMED_GROUPS = 40


def draw_movement(movement: Movement, path: Path) -> None:
    """Draw the change of each group's weights, and its gradient's norm and learning rate over the epochs."""
    n_groups = len(movement.groups)
    figure, (change, gradient, rate) = new_figure(11.0, min(14.0, max(3.4, 1.5 + 0.34 * n_groups)), columns=3)
    _draw_change(change, movement)
    _draw_map(gradient, movement, lambda row: row.gradient_median, "Gradient norm (median)")
    _draw_map(rate, movement, lambda row: row.lr, "Learning rate (mean)")
    names = [short_name(group.group) for group in movement.groups]
    every = max(1, n_groups // MOST_NAMED_GROUPS + (n_groups % MOST_NAMED_GROUPS > 0))
    change.set_yticks(range(0, n_groups, every), names[::every], fontsize=8)
    for axes in (gradient, rate):
        axes.set_yticks([])
    for axes in (change, gradient, rate):
        axes.set_ylim(n_groups - 0.5, -0.5)
        axes.spines["left"].set_visible(False)
        axes.tick_params(left=False)
    save_figure(figure, path)


def _draw_change(axes: Axes, movement: Movement) -> None:
    """Draw a bar for each group that may move, with its number; a hatched row for each that is frozen."""
    shares = [100 * (group.relative_change or 0.0) for group in movement.groups]
    finite = [share for share in shares if np.isfinite(share)]
    widest = max([*finite, 0.0]) or 1.0
    for row, (group, share) in enumerate(zip(movement.groups, shares, strict=True)):
        if group.frozen:
            _hatch(axes, row)
        elif np.isfinite(share):
            axes.barh(row, share, height=0.7, color=BLUE)
        changed = "from 0" if group.relative_change is None else f"{share:.2g} %"
        text = f"frozen: {changed}" if group.frozen else changed
        at = share if np.isfinite(share) else 0.0
        axes.annotate(
            text,
            (at, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )
    axes.set_xlim(0, 1.35 * widest)
    kept = f"kept: {movement.kept}" + (", before the first epoch" if movement.keeps_the_start else "")
    axes.set(xlabel=f"‖W − W₀‖ / ‖W₀‖ (%)\n{kept}", title="Change of the weights")


def _draw_map(axes: Axes, movement: Movement, value: Callable[[GroupEpoch], float], title: str) -> None:
    """Draw groups x epochs as shades on a logarithmic scale; 0 is left white, frozen rows are hatched."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, LogNorm

    shown, epochs = _grid(movement, value)
    positive = shown[np.isfinite(shown) & (shown > 0)]
    if positive.size:
        low, high = float(positive.min()), float(positive.max())
        # A scale needs two ends; and beyond a thousandfold the smallest would hide all other differences.
        norm = LogNorm(vmin=max(min(low, high / 10), high / 1000), vmax=high, clip=True)
        image = axes.imshow(
            np.ma.masked_where(~(shown > 0), shown),
            aspect="auto",
            cmap=ListedColormap(colormaps["Blues"](np.linspace(0.15, 1, 256))),  # white is kept for 0
            norm=norm,
            extent=(epochs[0] - 0.5, epochs[-1] + 0.5, len(shown) - 0.5, -0.5),
            interpolation="nearest",
        )
        bar = axes.figure.colorbar(image, ax=axes, pad=0.02)
        bar.ax.tick_params(which="both", labelsize=7)
        axes.set_xticks(range(epochs[0], epochs[-1] + 1, 1 + (epochs[-1] - epochs[0]) // 10))
    else:
        axes.text(0.5, 0.5, "nothing to show", ha="center", transform=axes.transAxes, fontsize=8)
        axes.set_xticks([])
    for row, group in enumerate(movement.groups):
        axes.axhline(row - 0.5, color="white", linewidth=2)
        if group.frozen:
            _hatch(axes, row)
    axes.set(xlabel="epoch (trained, not kept)" if movement.keeps_the_start else "epoch", title=title)


def _grid(movement: Movement, value: Callable[[GroupEpoch], float]) -> tuple[NDArray[np.float64], list[int]]:
    """Return groups x epochs of ``value``, 0 where nothing was watched, and the epochs' numbers."""
    epochs = sorted({row.epoch for row in movement.epochs}) or [1]
    place = {group.group: number for number, group in enumerate(movement.groups)}
    shown = np.zeros((len(movement.groups), epochs[-1] - epochs[0] + 1))
    for row in movement.epochs:
        shown[place[row.group], row.epoch - epochs[0]] = value(row)
    return shown, epochs


def _hatch(axes: Axes, row: int) -> None:
    axes.axhspan(
        row - 0.42, row + 0.42, facecolor="white", edgecolor=GREY, hatch="////", linewidth=0, alpha=0.5
    )
