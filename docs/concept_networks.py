"""Pictures of networks: batch norm held and moving, sizes of maps, gradients, and what each strategy trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from concept_curves import BLUE, GREY, LINES, ORANGE
from torch import nn

from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.describe import describe
from finetune.model.freezing import apply_plan
from finetune.model.heads import ACTIVATIONS, make_activation
from finetune.model.layer_table import layer_table
from finetune.model.layers import layer_groups
from finetune.model.weights import NO_WEIGHTS
from strategies import STRATEGIES, GroupPlan, Plan, make_strategy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS = "os^D"


def normalisation(left: Axes, right: Axes) -> None:
    """Draw a batch norm's statistics while brighter images come by, and a network's answer for one of them."""
    for (name, hold), (colour, line) in zip((("frozen", True), ("train", False)), LINES, strict=False):
        for axes, values in zip((left, right), _statistics(hold=hold), strict=True):
            axes.plot(values, color=colour, linestyle=line, linewidth=1.8, label=f"batch norm: {name}")
    left.set(xlabel="batch", ylabel="running mean", title="One channel, while brighter images come")
    right.set(xlabel="batch", ylabel="logit, less its mean", title="One image's answer among others")
    left.legend(frameon=False)
    right.set_ylim(-0.17, 0.27)
    right.legend(frameon=False)


def _statistics(*, hold: bool) -> tuple[list[float], list[float]]:
    """Return a channel's running mean over 40 batches of 8, and the logit of an image in all of them, mean 0."""
    torch.manual_seed(0)
    model = build(find_backbone("test_resnet"), n_classes=3, weights=NO_WEIGHTS, seed=3, image_size=64)
    grouping = layer_groups(model)
    norm = next(module for module in model.modules() if isinstance(module, nn.BatchNorm2d))
    groups = tuple(GroupPlan(group.name, 1.0, hold_statistics=hold) for group in grouping.groups)
    means, logits = [], []
    with torch.no_grad():
        model.train()
        for _ in range(60):
            model(torch.randn(8, 3, 64, 64))
        apply_plan(model, grouping, Plan("pretrained", groups))
        batch = torch.randn(8, 3, 64, 64) + 1.5
        for _ in range(40):
            means.append(float(norm.get_buffer("running_mean")[0]))
            logits.append(float(model(batch)[0, 0]))
            batch[1:] = torch.randn(7, 3, 64, 64) + 1.5
    middle = sum(logits) / len(logits)
    return means, [logit - middle for logit in logits]


def sizes(left: Axes, right: Axes) -> None:
    """Draw side and channels after each convolution and pool of two networks, for an input of 224 px."""
    for name, (colour, line), mark in zip(("resnet18", "cnn-small"), LINES, MARKS, strict=False):
        rows = layer_table(find_backbone(name), n_classes=10, image_size=224)
        maps = [(row.output[0], row.computed[0]) for row in rows if row.computed and row.computed[0] > 1]
        channels, sides = zip((3, 224), *maps, strict=True)
        for axes, values in ((left, sides), (right, channels)):
            axes.plot(values, color=colour, linestyle=line, marker=mark, markersize=4, label=name)
    for axes, what, ticks in (
        (left, "side of the maps, px", (7, 14, 28, 56, 112, 224)),
        (right, "channels", (3, 32, 64, 128, 256, 512)),
    ):
        axes.set_yscale("log", base=2)
        axes.set_yticks(ticks, [str(tick) for tick in ticks])
        axes.set(xlabel="convolution or pool (0: the input)", ylabel=what)
        axes.grid(axis="y", alpha=0.3)
        axes.legend(frameon=False)
    left.set_title("Maps get smaller …")
    right.set_title("… and more numerous")


def gradients(left: Axes, right: Axes) -> None:
    """Draw the gradient's norm in each of twelve dense layers, by activation, and with a frozen lower half."""
    for name, (colour, line), mark in zip(ACTIVATIONS, LINES, MARKS, strict=True):
        left.plot(
            range(1, 13), _norms(name), color=colour, linestyle=line, marker=mark, markersize=4, label=name
        )
    left.set_yscale("log")
    left.set(
        xlabel="layer, from the input", ylabel="norm of the gradient", title="Twelve layers, random weights"
    )
    left.legend(frameon=False)
    frozen = _norms("relu", frozen=6)
    right.bar(range(1, 13), frozen, color=BLUE)
    right.axvline(6.5, color=ORANGE, linestyle="--")
    right.text(3.5, max(frozen) / 2, "frozen:\nnone computed", ha="center")
    right.set(
        xticks=range(2, 13, 2),
        xlabel="layer, from the input",
        ylabel="norm of the gradient",
        title="Nothing flows below the freeze line",
    )


def _norms(activation: str, *, frozen: int = 0) -> list[float]:
    """Return the norm of the loss's gradient in each layer of twelve, 0 in the lowest ``frozen``."""
    torch.manual_seed(0)
    layers = [nn.Linear(64, 64) for _ in range(12)]
    for rank, layer in enumerate(layers):
        nn.init.kaiming_normal_(layer.weight)
        layer.requires_grad_(rank >= frozen)
    signal = torch.randn(256, 64)
    for layer in layers:
        signal = make_activation(activation, 0.2)(layer(signal))
    trained = [layer.weight for layer in layers[frozen:]]
    slopes = torch.autograd.grad(signal.square().mean(), trained)
    return [*(0.0 for _ in range(frozen)), *(float(slope.norm()) for slope in slopes)]


def strategies(axes: Axes) -> None:
    """Draw for each strategy which layer groups of ResNet-18 train, and how fast."""
    for place, name in enumerate(STRATEGIES):
        rows = describe(find_backbone("resnet18"), make_strategy(name), n_classes=10)
        for column, row in enumerate(rows):
            _layer(axes, column, place, row.lr_multiplier)
        axes.set_xticks(range(len(rows)), [f"{row.name}\n{100 * row.share:.2g} %" for row in rows])
    axes.set_yticks(range(len(STRATEGIES)), list(STRATEGIES))
    axes.set(
        xlim=(-0.5, 5.5),
        ylim=(3.5, -0.5),
        title="ResNet-18: which layers train, and how fast (× the head's rate)",
    )
    axes.set_xlabel("layer groups from input to output, with their share of the parameters")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _layer(axes: Axes, column: int, place: int, multiplier: float) -> None:
    trains = multiplier > 0
    axes.bar(
        column,
        -0.8,
        width=0.92,
        bottom=place + 0.4,
        color=(0, 0.447, 0.698, 0.25 + 0.6 * multiplier) if trains else "white",
        edgecolor=GREY,
        hatch="" if trains else "///",
    )
    words = f"× {multiplier:.2g}" if trains else "frozen"
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5} if not trains else None
    axes.text(column, place, words, ha="center", va="center", bbox=box)
