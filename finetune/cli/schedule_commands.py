"""The command about schedules: how the learning rate goes over training, as a table or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.cli.options import JsonOption, show
from finetune.errors import OptionError
from finetune.recipe import Recipe
from finetune.recipe.names import Schedule

if TYPE_CHECKING:
    from finetune.training.schedules import Curve

SHOWN: tuple[Schedule, ...] = ("step", "cosine", "linear", "inverse-sqrt")
STEPS_PER_EPOCH = 100
"""Fine enough for a drop to look like one."""

MOST_ROWS = 21
PICTURES = (".png", ".svg", ".pdf")


def schedules(
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the four curves into this picture.", metavar="FILE")
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", help="Epochs of training.")] = 90,
    warmup_epochs: Annotated[
        float | None,
        typer.Option("--warmup-epochs", help="Epochs of linear warm-up before each (default a tenth)."),
    ] = None,
    step_epochs: Annotated[
        int | None, typer.Option("--step-epochs", help="Epochs between two drops of step (default a third).")
    ] = None,
    gamma: Annotated[float, typer.Option("--gamma", help="Factor of one drop of step.")] = 0.1,
    as_json: JsonOption = False,
) -> None:
    """Show the learning rate over epochs of the schedules step, cosine, linear and inverse-sqrt."""
    curves = _curves(epochs, warmup_epochs, step_epochs, gamma)
    if plot is not None:
        _draw(plot, curves, epochs)
    from ui.present import schedules_table

    every = max(1, -(-epochs // (MOST_ROWS - 1)))
    shown = range(0, epochs + 1) if as_json else sorted({*range(0, epochs, every), epochs})
    rates: dict[str, list[float]] = {
        name: [curve(epoch * STEPS_PER_EPOCH) for epoch in shown] for name, curve in curves.items()
    }
    value = {"epoch": list(shown), **rates, "plot": None if plot is None else str(plot)}
    view = schedules_table(list(shown), rates) if plot is None else f"the four schedules are drawn in {plot}"
    show(value, view, as_json)


def _curves(
    epochs: int, warmup_epochs: float | None, step_epochs: int | None, gamma: float
) -> dict[Schedule, Curve]:
    """Return each schedule's curve; the recipe refuses what cannot be."""
    from finetune.training.schedules import curve_of

    steps = {"step_epochs": step_epochs, "gamma": gamma}
    recipes = {
        name: Recipe.make(
            schedule=name, epochs=epochs, warmup_epochs=warmup_epochs, **(steps if name == "step" else {})
        )
        for name in SHOWN
    }
    return {name: curve_of(recipe, steps_per_epoch=STEPS_PER_EPOCH) for name, recipe in recipes.items()}


def _draw(path: Path, curves: dict[Schedule, Curve], epochs: int) -> None:
    if path.suffix.lower() not in PICTURES:
        raise OptionError(f"--plot {path} names no picture; end it in {', '.join(PICTURES)}")
    from finetune.evaluation.pictures import draw_schedules

    steps = range(epochs * STEPS_PER_EPOCH + 1)
    points: dict[str, list[tuple[float, float]]] = {
        name: [(step / STEPS_PER_EPOCH, curve(step)) for step in steps] for name, curve in curves.items()
    }
    draw_schedules(points, path)
