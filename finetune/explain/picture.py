"""The picture of an explanation: the image, and beside it the same with what spoke for the answer made visible."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finetune.data.images import load_rgb
from finetune.evaluation.figures import ORANGE, new_figure, save_figure
from finetune.explain.explanation import Explanation

COLOURS = "cividis"
"""The same to people with any colour vision, and to a printer (Nunez et al., PLOS ONE 2018)."""

OPAQUE = 0.75
"""How much of the picture's own colours is left out where the map is strongest, and GREYED where it is 0."""
GREYED = 0.45
UNSEEN = 0.25
"""Brightness that is left of what the network did not see."""

LONGEST_PX = 720
FIGURE_WIDTH_IN = 9.0
NAME_SHOWN = 60

Pixels = NDArray[np.uint8]


def overlay(image: Image.Image, explanation: Explanation) -> Image.Image:
    """Return the upright RGB ``image``, of any size, in grey with the map over it; unseen margins are dark."""
    from matplotlib import colormaps

    heat = explanation.heat(image.size)[..., None]
    colours = colormaps[COLOURS](heat[..., 0])[..., :3]
    own = np.asarray(image, dtype=np.float32) / 255
    grey = own.mean(axis=2, keepdims=True)
    share = GREYED + (OPAQUE - GREYED) * heat
    mixed = (1 - share) * grey + share * colours
    left, top, right, bottom = explanation.box_at(image.size)
    seen = np.full((*heat.shape[:2], 1), UNSEEN, np.float32)
    seen[top:bottom, left:right] = 1.0
    return Image.fromarray(np.round(255 * mixed * seen).astype(np.uint8))


def side_by_side(explanation: Explanation, *, side_px: int) -> bytes:
    """Return a small PNG, image and overlay beside each other, each at most ``side_px`` wide and high."""
    image = shrunk(load_rgb(explanation.path), side_px)
    both = Image.new("RGB", (2 * image.width + 4, image.height), "white")
    both.paste(image, (0, 0))
    both.paste(overlay(image, explanation), (image.width + 4, 0))
    stream = io.BytesIO()
    both.save(stream, "PNG")
    return stream.getvalue()


def apart(explanation: Explanation, *, side_px: int) -> tuple[bytes, bytes]:
    """Return JPEGs of the image and of the overlay, of one size, at most ``side_px`` wide and high."""
    image = shrunk(load_rgb(explanation.path), side_px)
    return _jpeg(image), _jpeg(overlay(image, explanation))


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def draw_explanation(explanation: Explanation, path: Path) -> None:
    """Write the PNG ``path``: image, overlay, colour scale, and the answer with its probability in words."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable

    image = shrunk(load_rgb(explanation.path), LONGEST_PX)
    height = FIGURE_WIDTH_IN / 2 * image.height / image.width
    figure, (plain, mapped) = new_figure(FIGURE_WIDTH_IN, min(9.0, max(3.0, height + 1.0)), columns=2)
    plain.imshow(np.asarray(image))
    left, top, right, bottom = explanation.box_at(image.size)
    plain.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color=ORANGE, linewidth=1.2)
    mapped.imshow(np.asarray(overlay(image, explanation)))
    for axes in (plain, mapped):
        axes.set_axis_off()
    plain.set_title(answer_words(explanation), fontsize=11, wrap=True)
    mapped.set_title(map_words(explanation), fontsize=11, wrap=True)
    bar = figure.colorbar(ScalarMappable(cmap=colormaps[COLOURS]), ax=mapped, fraction=0.046, ticks=[0, 1])
    bar.ax.set_yticklabels(["nothing", "most"])
    save_figure(figure, path)


def answer_words(explanation: Explanation) -> str:
    """Return the file and its answer, with the explained class's own probability where that is another."""
    answer = f"{_short(explanation.label)} {100 * explanation.probability:.1f} %"
    if explanation.explained != explanation.label:
        own = 100 * explanation.explained_probability
        answer += f", {_short(explanation.explained)} {own:.1f} %"
    return f"{_short(explanation.path.name)}\n{answer}"


def map_words(explanation: Explanation) -> str:
    """Return what the map shows."""
    if explanation.is_empty:
        return f"nothing speaks for {_short(explanation.explained)}\n({explanation.method})"
    return f"what speaks for {_short(explanation.explained)}\n({explanation.method})"


def shrunk(image: Image.Image, longest_px: int) -> Image.Image:
    """Return ``image`` no longer than ``longest_px`` on either side, and each side one pixel at least."""
    scale = longest_px / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX if scale < 0.25 else Image.Resampling.BICUBIC)


def _short(name: str) -> str:
    """Return a name as one line of a title; dollar signs would begin a formula."""
    name = name if len(name) <= NAME_SHOWN else name[: NAME_SHOWN - 1] + "…"
    return name.replace("$", r"\$")
