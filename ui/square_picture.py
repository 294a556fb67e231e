"""The size x similarity square as a file: the user's data among others, and the thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune.advice.references import REFERENCES
from finetune.advice.rules import LARGE_FROM_IMAGES, SIMILAR_FROM_GAIN, USELESS_BELOW_GAIN
from finetune.errors import OptionError
from finetune.evaluation.figures import BLUE, GREY, ORANGE, new_figure

Axes = Any
"""Matplotlib's: it draws, but the page must not load it."""

ENDINGS = (".png", ".svg")
MOST_SIMILAR, LEAST_SIMILAR = 1.05, -0.05
FEWEST, MOST = 20, 200_000
CELLS = (
    (1.03, 4_300, "freeze-all"),
    (0.48, 4_300, "partial"),
    (1.03, 170_000, "full-finetune"),
    (0.48, 170_000, "full-finetune"),
    (0.13, 170_000, "from-scratch"),
)
"""Where each cell's rule is written: gain, images, strategy."""
BELOW = ("handwritten digits", "drawn fruit", "ants and bees", "blood cells")
"""References whose names would meet another's above their marks."""


def refuse_impossible(path: Path) -> None:
    """Raise OptionError, before anything is measured, where no picture can be written to ``path``."""
    if path.suffix.lower() not in ENDINGS:
        raise OptionError(f"--square {path} must end in .png or .svg; choose such a name")
    if path.is_dir():
        raise OptionError(f"--square {path} is a folder; choose another name")
    if not path.absolute().parent.is_dir():
        raise OptionError(
            f"--square {path} lies in no folder that exists; make the folder, or choose another"
        )


def draw_square(advice: Mapping[str, Any], path: Path) -> None:
    """Draw the square with the data of ``advice``, as `Advice.to_json` gives it, to ``path``, .png or .svg."""
    figure, (axes,) = new_figure(8.6, 4.8, columns=1)
    _draw_cells(axes)
    for one in REFERENCES:
        _mark(axes, one.gain, one.n_train, colour=GREY, marker="s", size=5)
        _tell(axes, one.gain, one.n_train, one.name, below=one.name in BELOW, color=GREY, fontsize=8.5)
    n_images, gain = advice["size"]["n"], advice["similarity"]["value"]
    text = f"your images: {n_images:,}, gain {gain:.2f}; advised: {advice['strategy']}"
    _mark(axes, gain, n_images, colour=ORANGE, marker="o", size=10)
    boxed = {"facecolor": "white", "edgecolor": ORANGE, "boxstyle": "round,pad=0.25"}
    _tell(axes, gain, n_images, text, below=False, fontsize=9.5, weight="bold", bbox=boxed)
    try:
        figure.savefig(path, dpi=130)
    except OSError as error:
        raise OptionError(f"cannot write --square {path}: {error.strerror}; choose another path") from None


def _draw_cells(axes: Any) -> None:
    axes.set(xlim=(MOST_SIMILAR, LEAST_SIMILAR), ylim=(FEWEST, MOST), yscale="log")
    axes.axvline(SIMILAR_FROM_GAIN, color=GREY, linewidth=1)
    axes.axhline(LARGE_FROM_IMAGES, color=GREY, linewidth=1)
    axes.plot([USELESS_BELOW_GAIN] * 2, [LARGE_FROM_IMAGES, MOST], color=GREY, linewidth=1, linestyle=":")
    for gain, n_images, strategy in CELLS:
        axes.text(gain, n_images, strategy, fontsize=13, color=BLUE, va="top", weight="bold")
    axes.set_xlabel("similar to ImageNet  ←  transfer gain, measured  →  different")
    axes.set_ylabel("training images")
    axes.spines[["top", "right"]].set_visible(False)


def _mark(axes: Any, gain: float, n_images: float, *, colour: str, marker: str, size: float) -> None:
    axes.plot(*_place(gain, n_images), marker=marker, color=colour, markersize=size, linestyle="")


def _tell(axes: Any, gain: float, n_images: float, text: str, *, below: bool, **looks: Any) -> None:
    """Write ``text`` beside its mark, on the side where there is room."""
    x, y = _place(gain, n_images)
    to_right = x > SIMILAR_FROM_GAIN - 0.1
    axes.annotate(
        text,
        (x, y),
        xytext=(9 if to_right else -9, -11 if below else 9),
        textcoords="offset points",
        ha="left" if to_right else "right",
        **looks,
    )


def _place(gain: float, n_images: float) -> tuple[float, float]:
    """Return where a data set is drawn: at the border where it lies beyond."""
    return min(MOST_SIMILAR, max(LEAST_SIMILAR, gain)), min(MOST, max(FEWEST, n_images))
