"""The image path as ONNX operators, step for step that of `finetune.data.transforms.Preprocessing`.

Far ends cut, resized on uint8 with antialiasing as Pillow does it, centre crop, float, normalised. Sizes are computed
in float64 and rounded half to even, as Python does, so that they are the same for every image.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from finetune.data.transforms import LONGEST_ASPECT, Preprocessing

IMAGES = "images"
_PREFIX = "prepare/"
_RESIZE = {
    # Pillow's bicubic is Keys' with a = -0.5, its weights summing to one at the edges too.
    "bicubic": {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1},
    "bilinear": {"mode": "linear", "exclude_outside": 1},
}


class Preparation:
    """Nodes and constants that turn `IMAGES`, N x H x W x 3 uint8 (RGB), into ``output``, N x 3 x S x S float32."""

    def __init__(self, preprocessing: Preprocessing, output: str) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        resized = self._resized(self._without_far_ends(), preprocessing)
        cropped = self._cropped(resized, preprocessing.image_size)
        self._normalised(cropped, preprocessing, output)

    @property
    def input(self) -> onnx.ValueInfoProto:
        """Return what goes in."""
        return helper.make_tensor_value_info(IMAGES, TensorProto.UINT8, ["images", "height", "width", 3])

    def _without_far_ends(self) -> str:
        height, width = self._sides(IMAGES, (1, 2))
        longest = self._add("Mul", self._add("Min", height, width), self._whole(LONGEST_ASPECT))
        starts, ends = [], []
        for side in (height, width):
            beyond = self._add("Max", self._add("Sub", side, longest), self._whole(0))
            starts.append(self._add("Div", beyond, self._whole(2)))
            ends.append(self._add("Add", starts[-1], self._add("Min", side, longest)))
        return self._slice(IMAGES, starts, ends, axes=(1, 2))

    def _resized(self, images: str, preprocessing: Preprocessing) -> str:
        """Return N x 3 x h x w uint8 with the shorter side ``resize_to``, no side below ``image_size``."""
        height, width = self._sides(images, (1, 2))
        shorter = self._add("Cast", self._add("Min", height, width), to=TensorProto.DOUBLE)
        scale = self._add("Div", self._constant(np.array([preprocessing.resize_to], np.float64)), shorter)
        sides = []
        for side in (height, width):
            exact = self._add("Mul", self._add("Cast", side, to=TensorProto.DOUBLE), scale)
            rounded = self._add("Cast", self._add("Round", exact), to=TensorProto.INT64)
            sides.append(self._add("Max", rounded, self._whole(preprocessing.image_size)))
        channels_first = self._add("Transpose", images, perm=[0, 3, 1, 2])
        count = self._add("Shape", images, start=0, end=1)
        sizes = self._add("Concat", count, self._whole(3), *sides, axis=0)
        how = _RESIZE[preprocessing.interpolation]
        return self._add(
            "Resize",
            channels_first,
            "",
            "",
            sizes,
            antialias=1,
            coordinate_transformation_mode="half_pixel",
            **how,
        )

    def _cropped(self, resized: str, side_px: int) -> str:
        starts, ends = [], []
        for side in self._sides(resized, (2, 3)):
            starts.append(self._add("Div", self._add("Sub", side, self._whole(side_px)), self._whole(2)))
            ends.append(self._add("Add", starts[-1], self._whole(side_px)))
        return self._slice(resized, starts, ends, axes=(2, 3))

    def _normalised(self, cropped: str, preprocessing: Preprocessing, output: str) -> None:
        mean, std = (
            self._constant(np.array(values, np.float32).reshape(1, 3, 1, 1))
            for values in (preprocessing.mean, preprocessing.std)
        )
        pixels = self._add("Cast", cropped, to=TensorProto.FLOAT)
        unit = self._add("Div", pixels, self._constant(np.array(255, np.float32)))
        self.nodes.append(
            helper.make_node("Div", [self._add("Sub", unit, mean), std], [output], f"{_PREFIX}normalised")
        )

    def _sides(self, images: str, axes: tuple[int, int]) -> Iterator[str]:
        """Yield the sizes along ``axes``, each as a vector of one."""
        for axis in axes:
            yield self._add("Shape", images, start=axis, end=axis + 1)

    def _slice(self, images: str, starts: list[str], ends: list[str], *, axes: tuple[int, int]) -> str:
        start, end = (self._add("Concat", *parts, axis=0) for parts in (starts, ends))
        return self._add("Slice", images, start, end, self._constant(np.array(axes, np.int64)))

    def _add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{_PREFIX}{len(self.nodes)}_{operator}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], output, **attributes))
        return output

    def _whole(self, value: int) -> str:
        return self._constant(np.array([value], np.int64))

    def _constant(self, values: NDArray[np.generic]) -> str:
        name = f"{_PREFIX}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name
