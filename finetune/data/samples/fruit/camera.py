"""A pinhole camera over a table, the light on it, and the algebra of places (3, …)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .noise import Floats


@dataclass(frozen=True)
class Camera:
    """A pinhole over the table plane z = 0, looking at the origin from −y; lengths in fruit radii."""

    distance: float
    pitch: float
    focal_px: float
    side_px: int

    @property
    def place(self) -> Floats:
        """Where it stands, (3,)."""
        return np.array([0, -np.cos(self.pitch), np.sin(self.pitch)], np.float32) * np.float32(self.distance)

    @property
    def axes(self) -> Floats:
        """Right, up and ahead, (3, 3)."""
        c, s = math.cos(self.pitch), math.sin(self.pitch)
        return np.array([[1, 0, 0], [0, s, c], [0, c, -s]], np.float32)

    def project(self, places: Floats) -> Floats:
        """Take places (3, n) to column, row (in pixels) and depth, (3, n)."""
        right, up, depth = turned(self.axes, places - self.place[:, None])
        scale = self.focal_px / depth
        half = self.side_px / 2
        return np.stack([half + right * scale, half - up * scale, depth])

    def table(self) -> tuple[Floats, Floats, Floats]:
        """Give x, y and depth of the table under every pixel, (h, w) each; NaN at and above the horizon."""
        steps = (np.arange(self.side_px, dtype=np.float32) + 0.5 - self.side_px / 2) / self.focal_px
        right, up = steps[None, :], -steps[:, None]
        c, s = math.cos(self.pitch), math.sin(self.pitch)
        rise = up * c - s
        depth = np.where(rise < -0.02, -self.place[2] / np.minimum(rise, -0.02), np.float32(np.nan))
        x, y = right * depth, self.place[1] + (up * s + c) * depth
        return x, np.broadcast_to(y, x.shape), np.broadcast_to(depth, x.shape)


@dataclass(frozen=True)
class Light:
    """One lamp (direction to it, colour), a sky above, the table's glow below; linear colours (3,)."""

    towards: Floats
    lamp: Floats
    sky: Floats
    glow: Floats


def dot(a: Floats, b: Floats) -> Floats:
    """Multiply vectors (3, …) point by point."""
    product: Floats = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return product


def turned(matrix: Floats, places: Floats) -> Floats:
    """Multiply places (3, …) by a (3, 3) matrix."""
    return np.stack([dot(row, places) for row in matrix])
