"""Seamless random tiles, drawn once a set, that give skins and tables their grain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""Single precision wherever there are many of them."""

TILE = 512


class Noise:
    """Three 512×512 tiles of mean 0 and deviation 1 that repeat without a seam.

    ``cloud`` is smooth, ``grain`` rough at every scale, ``pores`` bumpy at one scale (about 8 texels).
    """

    def __init__(self, rng: np.random.Generator) -> None:
        frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :]) * TILE
        frequency[0, 0] = 1.0
        self.cloud = _tile(rng, frequency**-1.8)
        self.grain = _tile(rng, frequency**-0.9)
        self.pores = _tile(rng, np.exp(-(((frequency - 64.0) / 20.0) ** 2)))

    def wrap(
        self, tile: Floats, rng: np.random.Generator, shape: tuple[int, int], repeats: tuple[float, int]
    ) -> Floats:
        """Lay a tile, from a random place on, round a body of ``shape`` (polar, round) points; no seam."""
        along, around = np.arange(shape[0]), np.arange(shape[1])
        start = rng.integers(TILE, size=2)
        rows = (along * (repeats[0] * TILE / shape[0])).astype(np.intp) + start[0]
        columns = around * TILE * repeats[1] // shape[1] + start[1]
        laid: Floats = tile.take(rows % TILE, axis=0).take(columns % TILE, axis=1)
        return laid


def lookup(tile: Floats, x: Floats, y: Floats) -> Floats:
    """Read a tile at points (x, y), in texels, bilinearly."""
    left, low = np.floor(x), np.floor(y)
    across, up = x - left, y - low
    column, row = left.astype(np.intp) & (TILE - 1), (low.astype(np.intp) & (TILE - 1)) * TILE
    right, high = (column + 1) & (TILE - 1), (row + TILE) & (TILE * TILE - 1)
    texels = tile.ravel()
    near, far = texels.take(row + column), texels.take(high + column)
    near += (texels.take(row + right) - near) * across
    far += (texels.take(high + right) - far) * across
    blended: Floats = near + (far - near) * up
    return blended


def _tile(rng: np.random.Generator, amplitude: NDArray[np.float64]) -> Floats:
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE))) * amplitude
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, s=(TILE, TILE))
    tile: Floats = (field / field.std()).astype(np.float32)
    return tile
