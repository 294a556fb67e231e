"""From any mode Pillow decodes to RGB bytes, keeping what a person would see."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_WHITE_16_BIT = 65535
_FLOAT_WHITES = (1.0, 255.0, 65535.0)
"""White in a float image is the smallest of these that no value passes: the ways such files are made."""


def to_rgb(image: Image.Image) -> Image.Image:
    """Return a new RGB image (8 bits a channel) of the decoded ``image``, without metadata.

    Transparent pixels show white. 16-bit greys are divided by 257, so that 65535 becomes 255; integer greys
    beyond 16 bits are stretched from their minimum to their maximum. Float greys (TIFF mode "F") are scaled
    so that 1, 255 or 65535 is white, whichever is the smallest that holds all values; with negative or
    larger values they are stretched too.

    Raises:
        ValueError: a float image with NaN or infinite values, or a mode that Pillow cannot convert.
    """
    if image.mode == "I" or image.mode == "F" or image.mode.startswith("I;16"):
        rgb = Image.fromarray(_GREYS.get(image.mode, _grey_16_bit)(np.asarray(image))).convert("RGB")
    elif image.has_transparency_data:
        rgb = _over_white(image)
    else:
        rgb = image.convert("RGB")
    rgb.info.clear()  # EXIF that stays could turn the image a second time
    return rgb


def largest_of_16_bits(image: Image.Image, *, has_deep_channels: bool) -> int | None:
    """Return the largest value of a decoded ``image`` that `to_rgb` reads as 0 to 65535; None for any other.

    ``has_deep_channels``: its file holds 16 bits a channel. Of colours Pillow keeps the upper 8, so that the answer
    is up to 255 too large.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image)
        low, high = float(values.min()), float(values.max())
        is_smaller_float = image.mode == "F" and high <= _FLOAT_WHITES[-2]
        return None if low < 0 or high > _WHITE_16_BIT or is_smaller_float else math.ceil(high)
    if not has_deep_channels:
        return None
    brightest = int(np.asarray(image.convert("RGB")).max())
    return brightest * 256 + 255


def _over_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _grey_16_bit(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    # Half of 257 first: rounds instead of cutting.
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _grey_integer(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    integers = values.astype(np.int64)
    if integers.min() < 0 or integers.max() > _WHITE_16_BIT:
        return _stretched(integers.astype(np.float64))
    return _grey_16_bit(integers)


def _grey_float(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    floats = values.astype(np.float64)
    if not np.isfinite(floats).all():
        raise ValueError("it holds NaN or infinite values")
    low, high = floats.min(), floats.max()
    if low < 0 or high > _FLOAT_WHITES[-1]:
        return _stretched(floats)
    white = next(white for white in _FLOAT_WHITES if high <= white)
    scaled: NDArray[np.uint8] = np.rint(floats * (255 / white)).astype(np.uint8)
    return scaled


def _stretched(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    low, high = values.min(), values.max()
    span = high - low if high > low else 1.0
    scaled: NDArray[np.uint8] = np.rint((values - low) * (255 / span)).astype(np.uint8)
    return scaled


_GREYS: dict[str, Callable[[NDArray[np.generic]], NDArray[np.uint8]]] = {"I": _grey_integer, "F": _grey_float}
