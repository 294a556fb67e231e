"""Controlled families made from CIFAR-10: the same classes, ever less like photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageFilter

from advisor.given import cifar
from advisor.pictures import Labelled, Maker

Values = np.ndarray
"""32 x 32 x 3 bytes."""


def of_cifar(change: Callable[[Values], Values]) -> Maker:
    """Return a maker of CIFAR-10 with every image changed."""

    def make() -> Iterator[Labelled]:
        for part, label, image in cifar():
            yield Labelled(part, label, Image.fromarray(change(np.asarray(image))))

    return make


def edges(values: Values) -> Values:
    """Return what an edge filter leaves."""
    found = Image.fromarray(values).convert("L").filter(ImageFilter.FIND_EDGES).convert("RGB")
    return np.asarray(found)


def inverted(values: Values) -> Values:
    """Return the negative."""
    return 255 - values


def patches(values: Values) -> Values:
    """Return the 4 x 4 patches of 8 x 8 pixels in one fixed other order."""
    parts = values.reshape(4, 8, 4, 8, 3).swapaxes(1, 2).reshape(16, 8, 8, 3)
    mixed = parts[np.random.default_rng(3).permutation(16)]
    return mixed.reshape(4, 4, 8, 8, 3).swapaxes(1, 2).reshape(32, 32, 3)


def pixels(values: Values) -> Values:
    """Return the pixels in one fixed other order."""
    return values.reshape(1024, 3)[np.random.default_rng(4).permutation(1024)].reshape(32, 32, 3)


def spectrum(values: Values) -> Values:
    """Return the logarithm of the Fourier transform's magnitude, each channel's from its least to its greatest."""
    size = np.log1p(np.abs(np.fft.fftshift(np.fft.fft2(values.astype(np.float64), axes=(0, 1)), axes=(0, 1))))
    low, high = size.min(axis=(0, 1)), size.max(axis=(0, 1))
    return (255 * (size - low) / np.maximum(high - low, 1e-9)).astype(np.uint8)
