"""Draw the pictures of ``concepts.md`` from the project's own functions.

``python docs/draw_concepts.py [FOLDER]``; without a folder they go where the page shows them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from concept_curves import activations, regularisation, schedules
from concept_networks import gradients, normalisation, sizes, strategies
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

FOLDER = Path(__file__).resolve().parent / "concepts"
COLOURS = 48
"""In a picture's file: enough for smooth lines, at half the size."""

PICTURES: dict[str, Callable[..., None]] = {
    "activations": activations,
    "schedules": schedules,
    "regularisation": regularisation,
    "normalisation": normalisation,
    "sizes": sizes,
    "gradients": gradients,
    "strategies": strategies,
}
"""By the picture's name, what draws it: into two axes, or into one for ``strategies``."""


def draw(name: str, folder: Path) -> Path:
    """Draw one picture into ``folder`` and return its path."""
    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    columns = 1 if name == "strategies" else 2
    panels = [figure.add_subplot(1, columns, column + 1) for column in range(columns)]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    PICTURES[name](*panels)
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=100)
    with Image.open(path) as image:
        image.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    return path


def main() -> None:
    """Draw all pictures into the folder that was named, else beside the page."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        print(draw(name, folder))


if __name__ == "__main__":
    main()
