"""Ask a bundle why: the answer to one image, and the map of what spoke for it, at the image's own coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from finetune.bundle.bundle import Bundle
from finetune.data.images import load_rgb
from finetune.errors import OptionError, nearest
from finetune.explain.layer import map_layer, require_map_layer
from finetune.explain.methods import (
    AUTO,
    GRAD_CAM,
    INTEGRATED_GRADIENTS,
    METHODS,
    Map,
    grad_cam,
    integrated_gradients,
)

Box = tuple[float, float, float, float]
MOST_IN_JSON = 14
"""Rows and columns of the map that go into JSON."""


@dataclass(frozen=True)
class Explanation:
    """Why an image got its answer.

    ``label`` is the likeliest class, ``explained`` the one that the map speaks of; probabilities lie in [0, 1].
    ``grid`` is h x w in [0, 1], row 0 at the top, of what the network saw: ``box``, left, top, right and bottom in
    pixels of the upright image of width and height ``size``. ``layer`` is the one that Grad-CAM read, else empty.
    """

    path: Path
    label: str
    probability: float
    explained: str
    explained_probability: float
    method: str
    layer: str
    size: tuple[int, int]
    box: Box
    grid: Map

    @property
    def is_empty(self) -> bool:
        """Whether nothing in the image spoke for the class."""
        return not self.grid.any()

    def heat(self, size: tuple[int, int] | None = None) -> Map:
        """Return the map over the whole image, height x width in [0, 1], zero where the network saw nothing.

        ``size`` is the width and height to give it at, the image's own where nothing is said.
        """
        width, height = size or self.size
        left, top, right, bottom = self.box_at((width, height))
        seen = Image.fromarray(self.grid).resize((right - left, bottom - top), Image.Resampling.BILINEAR)
        heat = np.zeros((height, width), np.float32)
        heat[top:bottom, left:right] = np.clip(np.asarray(seen), 0, 1)
        return heat

    def box_at(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return what the network saw in whole pixels of the image at width and height ``size``, one at least."""
        scales = [shown / own for shown, own in zip(size, self.size, strict=True)] * 2
        left, top, right, bottom = (round(edge * scale) for edge, scale in zip(self.box, scales, strict=True))
        left, top = min(left, size[0] - 1), min(top, size[1] - 1)
        return left, top, max(left + 1, right), max(top + 1, bottom)

    @property
    def peak(self) -> tuple[float, float] | None:
        """Return x and y, in pixels of the upright image, of the strongest cell's middle; None for an empty map."""
        if self.is_empty:
            return None
        row, column = np.unravel_index(int(self.grid.argmax()), self.grid.shape)
        left, top, right, bottom = self.box
        rows, columns = self.grid.shape
        return (
            left + (right - left) * (float(column) + 0.5) / columns,
            top + (bottom - top) * (float(row) + 0.5) / rows,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values, the map with at most `MOST_IN_JSON` rows and columns."""
        rows, columns = (min(side, MOST_IN_JSON) for side in self.grid.shape)
        grid = Image.fromarray(self.grid).resize((columns, rows), Image.Resampling.BOX)
        return {
            "path": str(self.path),
            "label": self.label,
            "probability": self.probability,
            "explained": self.explained,
            "explained_probability": self.explained_probability,
            "method": self.method,
            "layer": self.layer or None,
            "size": list(self.size),
            "box": [round(edge, 2) for edge in self.box],
            "peak": None if self.peak is None else [round(place, 2) for place in self.peak],
            "grid": [[round(float(value), 4) for value in row] for row in np.asarray(grid)],
        }


def explain_image(
    bundle: Bundle, path: str | Path, *, method: str = AUTO, class_name: str | None = None
) -> Explanation:
    """Return why ``bundle`` answers as it does to the image ``path``, or what speaks for ``class_name`` in it.

    ``method`` is ``grad-cam``, ``integrated-gradients``, or ``auto``: the first where the network has a map to read.
    Raises OptionError for an unknown method or class and where a network has no Grad-CAM, ImageError for a file
    that is no readable image.
    """
    path = Path(path)
    method, layer = choose_method(bundle, method)
    wanted = None if class_name is None else index_of(bundle, class_name)
    image = load_rgb(path)
    tensor = bundle.preprocessing(image)[None]
    probabilities = bundle.probabilities(bundle.logits(tensor).numpy())[0]
    best = int(probabilities.argmax())
    target = best if wanted is None else wanted
    given = tensor.to(next(bundle.model.parameters()).device)
    grid = (
        grad_cam(bundle.model, given, target, layer=layer)
        if method == GRAD_CAM
        else integrated_gradients(bundle.model, given, target)
    )
    return Explanation(
        path,
        bundle.class_names[best],
        float(probabilities[best]),
        bundle.class_names[target],
        float(probabilities[target]),
        method,
        layer,
        image.size,
        bundle.preprocessing.field_of_view(image.size),
        grid,
    )


def choose_method(bundle: Bundle, method: str) -> tuple[str, str]:
    """Return the method to use and the layer that Grad-CAM reads (empty for the other); raises OptionError."""
    image_size = bundle.preprocessing.image_size
    if method == AUTO:
        found = map_layer(bundle.model, image_size=image_size)
        return (GRAD_CAM, found) if found else (INTEGRATED_GRADIENTS, "")
    if method not in METHODS:
        raise OptionError(
            f"unknown method '{method}', there are {', '.join(METHODS)}{nearest(method, METHODS)}"
        )
    if method == INTEGRATED_GRADIENTS:
        return method, ""
    return method, require_map_layer(bundle.model, image_size=image_size, backbone=bundle.backbone)


def index_of(bundle: Bundle, class_name: str) -> int:
    """Return the class's index; raises OptionError for a name that the bundle does not know."""
    if class_name not in bundle.class_names:
        raise OptionError(
            f"--class {class_name} is not one of the bundle's {len(bundle.class_names)} classes"
            f"{nearest(class_name, bundle.class_names)}"
        )
    return bundle.class_names.index(class_name)
