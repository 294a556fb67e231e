"""Pictures of functions: activations, schedules, penalties and dropout, each drawn into two axes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from finetune.model.heads import ACTIVATIONS, LinearHead, make_activation
from finetune.recipe import Recipe
from finetune.training.penalties import squared_distance, squared_norm
from finetune.training.schedules import curve_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#595959"
LINES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (GREY, ":"))
"""Colour and stroke of one line among several: either tells them apart."""


def activations(left: Axes, right: Axes) -> None:
    """Draw each activation and, by its gradient, its slope."""
    for name, (colour, line) in zip(ACTIVATIONS, cycle(LINES)):
        x = torch.linspace(-4, 4, 401, requires_grad=True)
        y = make_activation(name, 0.1)(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        label = f"{name} (slope 0.1)" if name == "leaky-relu" else name
        for axes, values in ((left, y), (right, slope)):
            axes.plot(x.detach(), values.detach(), color=colour, linestyle=line, linewidth=1.8, label=label)
    left.set(xlabel="input x", ylabel="f(x)", title="Activation", ylim=(-1.5, 4))
    right.set(xlabel="input x", ylabel="f′(x)", title="Its slope, what gradients are multiplied by")
    left.legend(frameon=False)


def schedules(left: Axes, right: Axes) -> None:
    """Draw the factor of the peak learning rate over 90 epochs: four schedules, and three with a warm-up."""
    for axes, names, warmup in (
        (left, ("step", "cosine", "linear", "inverse-sqrt"), 1.0),
        (right, ("constant", "inverse-sqrt", "one-cycle"), 15.0),
    ):
        for name, (colour, line) in zip(names, cycle(LINES)):
            curve = curve_of(Recipe.make(schedule=name, epochs=90, warmup_epochs=warmup), steps_per_epoch=20)
            points = [(step / 20, curve(step)) for step in range(1801)]
            axes.plot(*zip(*points, strict=True), color=colour, linestyle=line, linewidth=1.8, label=name)
        axes.set(xlabel="epoch", ylabel="learning rate, share of its peak", ylim=(0, 1.05))
        axes.legend(frameon=False)
    left.set_title("Four schedules, warm-up of 1 epoch")
    right.set_title("A warm-up of 15 epochs")


def regularisation(left: Axes, right: Axes) -> None:
    """Draw where penalties pull a pretrained weight, and what dropout does to a unit's output."""
    penalties: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
        ("no penalty", lambda _weight: torch.zeros(())),
        ("L2", lambda weight: squared_norm([weight])),
        ("L2-SP", lambda weight: squared_distance([weight], [torch.full((1,), 2.0)])),
    )
    for (name, penalty), (colour, line) in zip(penalties, LINES, strict=False):
        left.plot(_descent(penalty), color=colour, linestyle=line, linewidth=1.8, label=name)
    left.axhline(2.0, color=GREY, linewidth=0.8)
    left.text(60, 2.03, "pretrained value", ha="right", color=GREY, fontsize=8)
    left.set(xlabel="optimizer step", ylabel="weight", title="Data pull a weight to 3; penalties pull back")
    left.legend(frameon=False)
    _dropout(right)


def _descent(penalty: Callable[[Tensor], Tensor], *, steps: int = 60) -> list[float]:
    """Return a weight that starts at 2 while the loss (w - 3)^2 / 2 plus half the penalty shrinks."""
    weight = torch.full((1,), 2.0, requires_grad=True)
    path = []
    for _ in range(steps + 1):
        path.append(float(weight.detach()))
        loss = 0.5 * (weight - 3).square().sum() + 0.5 * penalty(weight)
        (gradient,) = torch.autograd.grad(loss, weight)
        weight = (weight - 0.1 * gradient).detach().requires_grad_()
    return path


def _dropout(axes: Axes) -> None:
    """Draw a linear head's output for one input, over many draws of dropout, and without."""
    torch.manual_seed(0)
    head = LinearHead(32, 1, dropout=0.5)
    features = torch.rand(1, 32) + 0.5
    with torch.no_grad():
        drawn = torch.cat([head(features) for _ in range(4000)]).flatten()
        plain = float(head.eval()(features))
    axes.hist(drawn.numpy(), bins=40, color=BLUE, alpha=0.5, label="training, p = 0.5")
    axes.axvline(float(drawn.mean()), color=BLUE, linewidth=2, label="their mean")
    axes.axvline(plain, color=ORANGE, linewidth=2, linestyle="--", label="prediction")
    axes.set(xlabel="output of a unit", ylabel="draws", title="Dropout keeps the expectation", ylim=(0, 400))
    axes.legend(frameon=False, loc="upper left")
