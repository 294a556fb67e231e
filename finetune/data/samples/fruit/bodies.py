"""The shapes: surfaces over a (polar, round) grid, each point with a place and a colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .noise import Floats, Noise

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Surface:
    """A skin: places (3, u, v) in body units, linear colours (3, u, v), and how it takes the light."""

    places: Floats
    colours: Floats
    gloss: float = 0.0
    sharpness: float = 30.0
    fuzz: float = 0.0
    two_sided: bool = False


@dataclass(frozen=True)
class Grid:
    """The angles of a body's points: ``u``, a column, from stem (0) to tip (π); ``v``, a row, around."""

    u: Floats
    v: Floats

    @classmethod
    def of(cls, n: int) -> Grid:
        """Make a grid of n steps from pole to pole and 2n around."""
        u = (np.arange(n, dtype=np.float32) + 0.5) * np.float32(np.pi / n)
        v = np.arange(2 * n, dtype=np.float32) * np.float32(np.pi / n)
        return cls(u[:, None], v[None, :])

    @property
    def shape(self) -> tuple[int, int]:
        """Steps (polar, around)."""
        return len(self.u), self.v.shape[1]


def linear(hexadecimal: str) -> Floats:
    """Turn ``"c0ffee"`` into linear light, shape (3, 1, 1)."""
    values = [int(hexadecimal[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    return (np.array(values, np.float32) ** 2.2)[:, None, None]


def blend(low: Floats, high: Floats, weight: Floats) -> Floats:
    """Mix two colours by a weight map in [0, 1]."""
    return low + (high - low) * weight


def step(x: Floats, low: float, high: float) -> Floats:
    """Rise smoothly from 0 at ``low`` to 1 at ``high``."""
    t: Floats = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bell(x: Floats, width: float) -> Floats:
    """Fall from 1 at 0 like a Gaussian of this width."""
    height: Floats = np.exp(-((x / width) ** 2))
    return height


def revolve(grid: Grid, radius: Floats, height: Floats) -> Floats:
    """Turn a profile, a (u, 1) or (u, v) radius and height, round the z axis into places (3, u, v)."""
    radius = np.broadcast_to(radius, grid.shape)
    height = np.broadcast_to(height, grid.shape)
    return np.stack([radius * np.cos(grid.v), radius * np.sin(grid.v), height]).astype(np.float32)


def tube(path: Floats, thickness: Floats, around: int = 16) -> Floats:
    """Sweep a circle along a path (n, 3) with a thickness (n,): places (3, n, around)."""
    v = np.linspace(0, 2 * np.pi, around, endpoint=False, dtype=np.float32)
    ahead = np.gradient(path, axis=0)
    side = np.cross(ahead, [0.3, 1.0, 0.2])
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    other = np.cross(side, ahead)
    other /= np.linalg.norm(other, axis=1, keepdims=True) + 1e-9
    ring = side[:, None] * np.cos(v)[None, :, None] + other[:, None] * np.sin(v)[None, :, None]
    places: Floats = np.moveaxis(path[:, None] + ring * thickness[:, None, None], 2, 0).astype(np.float32)
    return places


def stem(
    rng: np.random.Generator, foot: float, length: float, thickness: float, colour: str, n: int = 40
) -> Surface:
    """Grow a bent stem from height ``foot`` on the axis."""
    t = np.linspace(0, 1, n, dtype=np.float32)
    lean = rng.uniform(-0.5, 0.5, 2)
    path = np.stack([lean[0] * length * t**2, lean[1] * length * t**2, foot + length * t], axis=1)
    places = tube(path, thickness * (0.8 + 0.5 * np.abs(t - 0.4)))
    shade = rng.uniform(0.7, 1.2, (1, n, 1)).astype(np.float32)
    return Surface(places, np.broadcast_to(linear(colour) * shade, places.shape), gloss=0.05)


def lump(grid: Grid, rng: np.random.Generator, noise: Noise, roughness: float) -> Floats:
    """Make an uneven ellipsoid: places (3, u, v)."""
    swell = 1 + roughness * noise.wrap(noise.cloud, rng, grid.shape, (0.4, 1))
    stretch = rng.uniform(0.75, 1.15, 3)
    places = revolve(grid, np.sin(grid.u) * swell, np.cos(grid.u) * swell)
    return (places * stretch[:, None, None]).astype(np.float32)
