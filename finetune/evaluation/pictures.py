"""The pictures of a run: learning curves and the confusion matrix, readable without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finetune.evaluation.averaging import name_epochs
from finetune.evaluation.figures import BLUE, GREY, ORANGE, new_figure, save_figure, short_name
from finetune.evaluation.history import MetricsRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREEN = "#009E73"
LINES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (GREY, ":"))
"""Colour and stroke of one line among several: either tells them apart."""

MOST_NUMBERED_CLASSES = 20
MOST_NAMED_CLASSES = 120
SHADE = 0.6
"""Power of a cell's share: a mistake of a hundredth of a class can still be seen."""


def draw_curves(rows: Sequence[MetricsRow], path: Path, *, kept: int | None = None) -> None:
    """Draw loss and validation accuracy over epochs; ``rows`` in epoch order, at least one.

    ``kept`` is the epoch whose weights were kept, 0 the start, by default that with the highest score.
    """
    figure, (left, right) = new_figure(9.0, 3.6, columns=2)
    epochs = [row.epoch for row in rows]
    trained = [(row.epoch, row.train_loss) for row in rows if row.train_loss is not None]
    if trained:
        left.plot(
            *zip(*trained, strict=True), color=BLUE, marker="o", markersize=3, label="training (augmented)"
        )
    left.plot(
        epochs,
        [row.val_loss for row in rows],
        color=ORANGE,
        marker="s",
        markersize=3,
        linestyle="--",
        label="validation",
    )
    left.set(xlabel="epoch", ylabel="loss (nats)", title="Loss", ylim=(0, None))
    left.legend(frameon=False)
    right.plot(epochs, [100 * row.val_accuracy for row in rows], color=ORANGE, marker="s", markersize=3)
    best = max(rows, key=lambda row: row.val_score if kept is None else row.epoch == kept)
    right.axvline(best.epoch, color=GREY, linewidth=0.8, linestyle=":")
    right.annotate(
        f"kept: {name_epochs((best.epoch,))}, {100 * best.val_accuracy:.1f} %",
        (best.epoch, 100 * best.val_accuracy),
        xytext=(0, -14),
        textcoords="offset points",
        ha="right" if best.epoch > epochs[-1] / 2 else "left",
        fontsize=8,
    )
    right.set(xlabel="epoch", ylabel="right (%)", title="Validation accuracy")
    save_figure(figure, path)


def draw_schedules(curves: Mapping[str, Sequence[tuple[float, float]]], path: Path) -> None:
    """Draw schedules by name, each as (epoch, share of the peak learning rate), one above the other's grid."""
    figure, (axes,) = new_figure(7.2, 4.2, columns=1)
    for (name, points), (colour, line) in zip(curves.items(), cycle(LINES)):
        axes.plot(*zip(*points, strict=True), color=colour, linestyle=line, linewidth=1.8, label=name)
    axes.set(
        xlabel="epoch",
        ylabel="learning rate (share of its peak)",
        title="Learning-rate schedules",
        xlim=(0, None),
        ylim=(0, 1.05),
    )
    axes.grid(alpha=0.3, linewidth=0.6)
    axes.legend(frameon=False)
    save_figure(figure, path)


def draw_regularisation(points: Sequence[tuple[float, float]], chosen: float, path: Path) -> None:
    """Draw the cross-validated log loss over the inverse strength C, and the one that was chosen."""
    figure, (axes,) = new_figure(5.4, 3.6, columns=1)
    if points:
        axes.plot(*zip(*points, strict=True), color=BLUE, marker="o", markersize=4)
        axes.axvline(chosen, color=GREY, linewidth=0.8, linestyle=":")
        axes.annotate(
            f"chosen: {chosen:g}", (chosen, max(loss for _, loss in points)), fontsize=8, ha="center"
        )
    else:
        axes.text(0.5, 0.5, "too few images a class to cross-validate", ha="center", transform=axes.transAxes)
    axes.set(
        xscale="log",
        xlabel="inverse regularisation strength C",
        ylabel="cross-validated log loss (nats)",
        title="Head solved on fixed features",
    )
    save_figure(figure, path)


def draw_confusion(
    confusion: NDArray[np.int64],
    class_names: Sequence[str],
    title: str,
    path: Path,
    *,
    order: Sequence[int] | None = None,
) -> None:
    """Draw the K x K counts, rows the truth; cells are shaded by their share of the row and numbered if few.

    The classes stand in ``order``, by default that of their numbers.
    """
    places = range(len(class_names)) if order is None else order
    confusion = confusion[np.ix_(places, places)]
    class_names = [class_names[place] for place in places]
    n_classes = len(class_names)
    is_small = n_classes <= MOST_NUMBERED_CLASSES
    side = max(3.8, 1.8 + 0.42 * n_classes) if is_small else min(16.0, 6.0 + 0.12 * n_classes)
    figure, (axes,) = new_figure(side + 0.6, side, columns=1)
    shares = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    axes.imshow(shares**SHADE, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    if is_small:
        _number(axes, confusion, shares)
    if n_classes <= MOST_NAMED_CLASSES:
        names = [short_name(name) for name in class_names]
        size, turn = (8.0, 45) if is_small else (min(8.0, 620 / n_classes), 90)
        axes.set_xticks(
            range(n_classes),
            names,
            rotation=turn,
            ha="right",
            va="top" if is_small else "center",
            rotation_mode="anchor",
            fontsize=size,
        )
        axes.set_yticks(range(n_classes), names, fontsize=size)
    axes.set(xlabel="called", ylabel="truth", title=title)
    save_figure(figure, path)


def _number(axes: Axes, confusion: NDArray[np.int64], shares: NDArray[np.float64]) -> None:
    for row, column in np.argwhere(confusion > 0):
        colour = "white" if shares[row, column] ** SHADE > 0.55 else "black"
        axes.text(
            column, row, str(confusion[row, column]), ha="center", va="center", color=colour, fontsize=8
        )
