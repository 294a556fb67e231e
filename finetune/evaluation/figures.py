"""An empty figure in the house's colours, and its way to disk."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#595959"  # Okabe and Ito's colour-blind-safe palette


def new_figure(width: float, height: float, *, columns: int) -> tuple[Figure, list[Axes]]:
    """Return a figure without the global state of pyplot, so that threads and servers can draw."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_figure(figure: Figure, path: Path) -> None:
    """Write ``figure`` to ``path`` as PNG."""
    with warnings.catch_warnings():
        # A class name in a script that the font lacks shows as boxes; that is no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, dpi=130)


def short_name(name: str, most: int = 18) -> str:
    """Return ``name`` in at most ``most`` characters: names often differ at their end, so the middle goes."""
    head = most // 2
    return name if len(name) <= most else f"{name[:head]}…{name[len(name) - (most - head - 1) :]}"
