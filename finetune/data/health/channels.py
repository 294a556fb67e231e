"""The channel statistics of a set's own images, to be set beside those that a backbone was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetune.data.health.look import Look

EPSILON = 1e-8
"""Added to a standard deviation, so that a constant channel can be divided by it."""


@dataclass(frozen=True)
class Channels:
    """Mean and standard deviation of R, G and B over some images, on the 0 to 1 scale."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def channels_of(looks: Sequence[Look]) -> Channels | None:
    """Return the statistics of all pixels, each image counting the same: std = sqrt(E[x²] - E[x]²) + 1e-8.

    None without images.
    """
    if not looks:
        return None
    mean = np.mean([look.mean for look in looks], axis=0)
    square = np.mean([look.mean_square for look in looks], axis=0)
    std = np.sqrt(np.maximum(square - mean**2, 0)) + EPSILON
    return Channels(_three(mean), _three(std))


def _three(values: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
