"""What lies about between the fruit and belongs to no class: leaves, nuts, eggs, pebbles, berries, plates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .bodies import Grid, Surface, bell, blend, linear, lump, revolve, step
from .noise import Noise

GREENS = ("3f6b2a", "5a7f34", "2f5530", "7a8a3a", "9a7a34", "8a4a24")


def leaf(n: int, rng: np.random.Generator, _noise: Noise) -> list[Surface]:
    """Cut a leaf of one to two fruit lengths, folded along its midrib and curled, with veins."""
    n, length = n // 2, rng.uniform(1.2, 2.4)
    t = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, n, dtype=np.float32)[None, :]
    half = rng.uniform(0.2, 0.32) * np.abs(np.sin(np.pi * t**0.8)) ** 0.8
    curl, fold = rng.uniform(-0.5, 0.5), rng.uniform(0.05, 0.4)
    wave = 0.03 * np.sin(9 * t + rng.uniform(0, 6)) * across
    places = np.stack(
        np.broadcast_arrays(
            length * t, length * half * across, length * (curl * t * t + fold * half * across**2 + wave)
        )
    ).astype(np.float32)
    veins = np.maximum(bell(across * half, 0.012), 0.5 * bell(np.sin(22 * t - 7 * np.abs(across)), 0.25))
    base = linear(str(rng.choice(GREENS))) * rng.uniform(0.7, 1.2)
    colours = blend(base, base * 1.7, veins)
    return [Surface(places, colours.astype(np.float32), 0.15, 18.0, two_sided=True)]


def egg(n: int, rng: np.random.Generator, noise: Noise) -> list[Surface]:
    """Lay a hen's egg."""
    grid = Grid.of(n)
    radius = 0.62 * np.sin(grid.u) * (1 - 0.12 * np.cos(grid.u))
    base = linear(str(rng.choice(["e8d8c4", "c89a74", "f0ece4", "a8b8b0"])))
    speckle = step(noise.wrap(noise.grain, rng, grid.shape, (0.8, 2)), 1.6, 2.4) * rng.uniform(0, 0.6)
    colours = blend(base, linear("6a4a34"), speckle)
    return [Surface(revolve(grid, radius, 0.82 * np.cos(grid.u)), colours.astype(np.float32), 0.08, 15.0)]


def nut(n: int, rng: np.random.Generator, noise: Noise) -> list[Surface]:
    """Drop a walnut."""
    grid = Grid.of(n // 2)
    wrinkles = noise.wrap(noise.cloud, rng, grid.shape, (1.0, 2))
    swell = 0.45 * (1 + 0.05 * np.abs(wrinkles) + 0.06 * np.exp(-((np.sin(grid.v) / 0.12) ** 2)))
    colours = linear("a87c4c") * (0.75 + 0.25 * np.clip(np.abs(wrinkles), 0, 1.5))
    places = revolve(grid, np.sin(grid.u) * swell, 1.15 * np.cos(grid.u) * swell)
    return [Surface(places, colours.astype(np.float32), 0.1, 20.0)]


def pebble(n: int, rng: np.random.Generator, noise: Noise) -> list[Surface]:
    """Set down a grey stone."""
    grid = Grid.of(n * 2 // 3)
    base = linear(str(rng.choice(["8a8880", "5a5c60", "b0a48c", "3c3c3c"])))
    colours = base * (1 + 0.2 * noise.wrap(noise.grain, rng, grid.shape, (0.8, 2)))
    places = lump(grid, rng, noise, 0.06) * np.array([0.8, 0.6, 0.4], np.float32)[:, None, None]
    return [Surface(places, colours.astype(np.float32), 0.1, 10.0)]


def berry(n: int, rng: np.random.Generator, noise: Noise) -> list[Surface]:
    """Roll in a dark berry."""
    grid = Grid.of(n // 3)
    base = linear(str(rng.choice(["2c3454", "6a1424", "1c1c24", "8a1c2c"])))
    bloom = step(noise.wrap(noise.cloud, rng, grid.shape, (0.5, 1)), -1, 2) * 0.3
    colours = blend(base, linear("a8b4d0"), bloom)
    places = revolve(grid, 0.26 * np.sin(grid.u), 0.24 * np.cos(grid.u))
    return [Surface(places, colours.astype(np.float32), 0.3, 30.0)]


CLUTTER: tuple[Callable[[int, np.random.Generator, Noise], list[Surface]], ...] = (
    leaf,
    leaf,
    egg,
    nut,
    pebble,
    berry,
)
"""Everything that lies about, (grid steps, random stream, noise) → a body; leaves count twice."""
