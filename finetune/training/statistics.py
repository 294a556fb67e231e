"""The training images' own channel statistics, for networks that start from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from finetune.data.loading import measuring_loader
from finetune.data.sources import LabelledImage
from finetune.data.transforms import Preprocessing

EPSILON = 1e-8
# Means over this many images are exact to the third digit; decoding more would only cost time.
MOST_IMAGES = 2_000


def dataset_normalization(
    images: Sequence[LabelledImage], preprocessing: Preprocessing, *, seed: int, workers: int | None = None
) -> Preprocessing:
    """Return ``preprocessing`` with the mean and std of the training ``images``: (x - mean) / (std + 1e-8).

    Per RGB channel over all pixels of up to `MOST_IMAGES` images, on the 0 to 1 scale.
    """
    rows = np.random.default_rng(seed).permutation(len(images))[:MOST_IMAGES]
    plain = replace(preprocessing, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    total, squares, n_pixels = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), 0
    for batch in measuring_loader([images[row].path for row in sorted(rows)], plain, workers=workers):
        pixels = batch.double()
        total += pixels.sum(dim=(0, 2, 3))
        squares += pixels.square().sum(dim=(0, 2, 3))
        n_pixels += pixels.numel() // 3
    mean = total / n_pixels
    std = (squares / n_pixels - mean.square()).clamp(min=0).sqrt() + EPSILON
    return replace(preprocessing, mean=tuple(mean.tolist()), std=tuple(std.tolist()))
