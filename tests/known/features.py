"""Drawn features: classes as clouds in some of many directions, and logits that a linear classifier gives."""

import numpy as np
from numpy.typing import NDArray

WIDTH = 24
Array = NDArray[np.float32]


def clouds(
    n_images: int, *, n_classes: int = 5, seed: int = 0, first: int = 0
) -> tuple[Array, NDArray[np.int64]]:
    """n x 24 features of classes in turn, each around a centre of its own; others begin at class ``first``."""
    centres = np.abs(np.random.default_rng(9).normal(size=(20, WIDTH))) * 2
    targets = np.arange(n_images) % n_classes
    noise = np.random.default_rng(seed).normal(size=(n_images, WIDTH)) * 0.6
    return (centres[first + targets] + noise).astype(np.float32), targets


def logits_of(features: Array, *, n_classes: int = 5) -> Array:
    """n x K logits: the nearest centre wins."""
    centres = np.abs(np.random.default_rng(9).normal(size=(20, WIDTH))) * 2
    crossed = features @ centres[:n_classes].T - (centres[:n_classes] ** 2).sum(1) / 2
    return (2 * crossed).astype(np.float32)
