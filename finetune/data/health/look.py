"""What an image's pixels tell a health check, measured from the same decode that proves it readable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import Image, ImageOps

LONGEST_PX = 256
"""Images are measured at this longer side at most, so that sharpness means the same for all of them."""

_VALUES = np.arange(256)
_HASHED_PX = 32

THUMB_PX = 16
"""Side of the grey thumbnail that two likely duplicates are compared by."""


@dataclass(frozen=True, slots=True)
class Look:
    """Brightness and the like of one image, at `LONGEST_PX` at most.

    ``brightness`` and ``contrast`` are the mean and standard deviation of its grey values, 0 to 255, ``darkest``
    and ``brightest`` their 1st and 99th percentile;
    ``sharpness`` is the variance of their Laplacian (Pech-Pacheco et al., *Diatom autofocusing in brightfield
    microscopy*, ICPR 2000). ``mean`` and ``mean_square`` are those of R, G and B on the 0 to 1 scale. ``phash``
    and ``mirrored_phash`` are 64-bit perceptual hashes (of `imagehash.phash`: the signs of the low DCT
    frequencies) of the image and of its mirror image.
    """

    brightness: float
    contrast: float
    darkest: float
    brightest: float
    sharpness: float
    mean: tuple[float, float, float]
    mean_square: tuple[float, float, float]
    phash: int
    mirrored_phash: int

    def numbers(self) -> tuple[float, ...]:
        """Return the measures without the hashes, in the order of the fields."""
        alone = (self.brightness, self.contrast, self.darkest, self.brightest, self.sharpness)
        return (*alone, *self.mean, *self.mean_square)


def look_at(rgb: Image.Image) -> tuple[Look, bytes]:
    """Return the look of an upright RGB image, and its `THUMB_PX` x `THUMB_PX` grey thumbnail as bytes."""
    small = _at_most(rgb, LONGEST_PX)
    grey = small.convert("L")
    counts = np.array(grey.histogram())
    brightness, mean_square = _moments(counts)
    darkest, brightest = _percentiles(counts, (1, 99))
    channels = [_moments(part) for part in np.split(np.array(small.histogram()), 3)]
    # What `imagehash.phash` begins with, done once for both.
    tiny = grey.resize((_HASHED_PX, _HASHED_PX), Image.Resampling.LANCZOS)
    look = Look(
        brightness=brightness,
        contrast=float(np.sqrt(max(0.0, mean_square - brightness**2))),
        darkest=darkest,
        brightest=brightest,
        sharpness=_laplacian_variance(np.asarray(grey, np.float32)),
        mean=_three([mean / 255 for mean, _ in channels]),
        mean_square=_three([square / 255**2 for _, square in channels]),
        phash=_perceptual_hash(tiny),
        mirrored_phash=_perceptual_hash(ImageOps.mirror(tiny)),
    )
    return look, grey.resize((THUMB_PX, THUMB_PX), Image.Resampling.BOX).tobytes()


def _moments(counts: np.ndarray) -> tuple[float, float]:
    """Return the mean and the mean square of the values 0 to 255 that ``counts`` counts."""
    n = counts.sum()
    return float((counts * _VALUES).sum() / n), float((counts * _VALUES**2).sum() / n)


def _percentiles(counts: np.ndarray, percents: tuple[float, float]) -> tuple[float, float]:
    """Return what `numpy.percentile` says of the counted values: between two of them, in a straight line."""
    ends = np.cumsum(counts)
    places = np.array(percents) / 100 * (ends[-1] - 1)
    below, above = (np.searchsorted(ends, side, side="right") for side in (np.floor(places), np.ceil(places)))
    low, high = (below + (above - below) * (places - np.floor(places))).tolist()
    return low, high


def _at_most(image: Image.Image, longest_px: int) -> Image.Image:
    longest = max(image.size)
    if longest <= longest_px:
        return image
    width, height = (max(1, round(side * longest_px / longest)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)


def _laplacian_variance(values: np.ndarray) -> float:
    """Return the variance of the four-neighbour Laplacian inside the border, 0 where there is no inside."""
    if min(values.shape) < 3:
        return 0.0
    neighbours = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:]
    return float((neighbours - 4 * values[1:-1, 1:-1]).var())


def _perceptual_hash(grey: Image.Image) -> int:
    bits = imagehash.phash(grey).hash.ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue
