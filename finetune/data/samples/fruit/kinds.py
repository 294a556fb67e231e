"""The eight kinds of fruit, one function a kind: a shape, and what the skin carries besides its colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from .bodies import Grid, Surface, bell, blend, linear, revolve, stem, step
from .noise import Floats, Noise
from .skins import SKINS, Skin

Body = list[Surface]
"""The fruit itself first, about 1 in radius round the origin with its stem up; then stem and leaves."""


def _pick(kind: str, rng: np.random.Generator) -> Skin:
    """Take one of the kind's skins, the first ones more often."""
    return SKINS[kind][int(len(SKINS[kind]) * rng.random() ** 2.2)]


def _skin(grid: Grid, rng: np.random.Generator, noise: Noise, skin: Skin, *, streaks: float = 0.0) -> Floats:
    """Ripen from the first colour to the second towards a sunny side, unevenly."""
    sun = np.cos(grid.v - rng.uniform(0, 2 * np.pi)) * np.sin(grid.u) + rng.uniform(-0.7, 0.7)
    patches = 0.5 * noise.wrap(noise.cloud, rng, grid.shape, (0.35, 1))
    if streaks:
        patches = patches + streaks * noise.wrap(noise.grain, rng, grid.shape, (0.03, 3))
    colours = blend(linear(skin[0]), linear(skin[1]), step(sun + patches, -0.7, 0.9))
    mottle = noise.wrap(noise.grain, rng, grid.shape, (0.5, 1))
    return (colours * (1 + 0.07 * mottle)).astype(np.float32)


def _dots(
    colours: Floats, grid: Grid, rng: np.random.Generator, noise: Noise, dot: str, share: float
) -> Floats:
    speckle = noise.wrap(noise.pores, rng, grid.shape, (1.0, 2))
    return blend(colours, linear(dot), share * step(speckle, 1.6, 2.2))


def _pores(grid: Grid, rng: np.random.Generator, noise: Noise, depth: float) -> Floats:
    return depth * noise.wrap(noise.pores, rng, grid.shape, (1.0, 2))


def apple(n: int, rng: np.random.Generator, noise: Noise) -> Body:
    """Shoulders, a stem in a hollow, streaks and pale dots."""
    grid = Grid.of(n)
    u, v = grid.u, grid.v
    hollow = rng.uniform(0.32, 0.45)
    radius = (
        np.sin(u)
        * (1 + rng.uniform(0.06, 0.16) * np.cos(u))
        * (1 + 0.025 * np.cos(5 * v) * step(u, 1.3, 2.8))
    )
    height = rng.uniform(0.82, 1.0) * np.cos(u) - hollow * bell(u, 0.42) + 0.18 * bell(np.pi - u, 0.35)
    skin = _pick("apple", rng)
    colours = _skin(grid, rng, noise, skin, streaks=rng.uniform(0, 0.4))
    colours = _dots(colours, grid, rng, noise, "efe0a8", rng.uniform(0.1, 0.5))
    colours = blend(colours, linear("8a8a3c"), 0.7 * bell(u, 0.3))
    body = [Surface(revolve(grid, radius, height), colours, rng.uniform(0.2, 0.45), 40.0)]
    if rng.random() < 0.95:
        body.append(stem(rng, 0.9 - hollow, rng.uniform(0.25, 0.5), 0.035, "4a3320"))
    return body


def tomato(n: int, rng: np.random.Generator, noise: Noise) -> Body:
    """Flat, ribbed round a shallow hollow, smooth and glossy, with a green star."""
    grid = Grid.of(n)
    u, v = grid.u, grid.v
    ribs, depth = int(rng.integers(5, 9)), float(rng.choice([0.0, 0.02, 0.04]))
    radius = np.sin(u) * (1 + depth * np.cos(ribs * v) * bell(u - 0.9, 0.9))
    hollow = rng.uniform(0.1, 0.22)
    height = rng.uniform(0.72, 0.95) * np.cos(u) - hollow * bell(u, 0.45)
    skin = _pick("tomato", rng)
    colours = _skin(grid, rng, noise, skin)
    body = [Surface(revolve(grid, radius, height), colours.astype(np.float32), rng.uniform(0.5, 0.8), 70.0)]
    if rng.random() < 0.92:
        foot = float(height[0].max())
        body.append(_star(rng, foot, rng.uniform(0.45, 0.75)))
        body.append(stem(rng, foot, rng.uniform(0.12, 0.35), 0.04, "4d6b26"))
    return body


def _star(rng: np.random.Generator, foot: float, reach: float) -> Surface:
    """Lay a calyx of five or six thin sepals on the top."""
    v = np.linspace(0, 2 * np.pi, 120, endpoint=False, dtype=np.float32)[None, :]
    t = np.linspace(0.02, 1, 30, dtype=np.float32)[:, None]
    points = int(rng.integers(5, 7))
    radius = t * reach * (0.18 + 0.82 * np.abs(np.cos(points * (v + rng.uniform(0, 1)) / 2)) ** 3)
    height = foot + 0.06 + rng.uniform(-0.25, 0.3) * radius**2 + 0.05 * radius
    places = np.stack([radius * np.cos(v), radius * np.sin(v), height]).astype(np.float32)
    return Surface(places, np.broadcast_to(linear("4f7a2a"), places.shape), 0.1, 20.0, two_sided=True)


def orange(n: int, rng: np.random.Generator, noise: Noise) -> Body:
    """Nearly a ball, pored all over, a small button where the stem was."""
    grid = Grid.of(n)
    u = grid.u
    pores = _pores(grid, rng, noise, 0.0035)
    radius = np.sin(u) * (1 + pores)
    height = rng.uniform(0.86, 1.0) * np.cos(u) * (1 + pores) - 0.07 * bell(u, 0.25)
    skin = _pick("orange", rng)
    colours = _skin(grid, rng, noise, skin) * (1 + 16 * np.minimum(pores, 0))
    colours = blend(colours, linear("5d6b2a"), bell(u, 0.09))
    return [Surface(revolve(grid, radius, height), colours.astype(np.float32), rng.uniform(0.2, 0.4), 22.0)]


def lemon(n: int, rng: np.random.Generator, noise: Noise) -> Body:
    """Oval and pored, with a nipple at the tip."""
    grid = Grid.of(n * 4 // 3)
    u = grid.u
    pores = _pores(grid, rng, noise, 0.004)
    long = rng.uniform(1.0, 1.3)
    radius = 0.86 * np.sin(u) * (1 + pores)
    height = (
        long * np.cos(u) * (1 + pores) - rng.uniform(0.12, 0.3) * bell(np.pi - u, 0.32) + 0.08 * bell(u, 0.25)
    )
    skin = _pick("lemon", rng)
    colours = _skin(grid, rng, noise, skin) * (1 + 16 * np.minimum(pores, 0))
    colours = blend(colours, linear("6b6a33"), bell(u, 0.1))
    return [Surface(revolve(grid, radius, height), colours.astype(np.float32), rng.uniform(0.2, 0.45), 25.0)]


def peach(n: int, rng: np.random.Generator, noise: Noise) -> Body:
    """A groove from the hollow to the tip, and down that catches the light at the rim."""
    grid = Grid.of(n)
    u = grid.u
    v = grid.v - np.float32(np.pi)
    groove = rng.uniform(0.05, 0.1) * bell(v, rng.uniform(0.12, 0.22)) * np.sin(u)
    radius = np.sin(u) * (1 - groove)
    height = rng.uniform(0.86, 1.0) * np.cos(u) - 0.2 * bell(u, 0.35) - 0.06 * bell(np.pi - u, 0.2)
    skin = _pick("peach", rng)
    colours = _skin(grid, rng, noise, skin) * (1 - 2.5 * groove)
    return [
        Surface(
            revolve(grid, radius, height), colours.astype(np.float32), 0.03, 8.0, fuzz=rng.uniform(0.25, 0.5)
        )
    ]


def plum(n: int, rng: np.random.Generator, noise: Noise) -> Body:
    """Oval, lightly grooved, under a whitish bloom."""
    grid = Grid.of(n)
    u = grid.u
    v = grid.v - np.float32(np.pi)
    groove = 0.04 * bell(v, 0.12) * np.sin(u)
    radius = 0.9 * np.sin(u) * (1 - groove)
    height = rng.uniform(0.95, 1.25) * np.cos(u) - 0.1 * bell(u, 0.25)
    skin = _pick("plum", rng)
    colours = _skin(grid, rng, noise, skin) * (1 - 4 * groove)
    bloom = step(noise.wrap(noise.cloud, rng, grid.shape, (0.5, 1)), -0.8, 1.6) * rng.uniform(0.0, 0.22)
    colours = blend(colours, linear("b9bfd6"), bloom)
    body = [Surface(revolve(grid, radius, height), colours.astype(np.float32), rng.uniform(0.1, 0.35), 25.0)]
    if rng.random() < 0.5:
        body.append(stem(rng, 0.8, rng.uniform(0.3, 0.55), 0.025, "5b5a2c"))
    return body


def pear(n: int, rng: np.random.Generator, noise: Noise) -> Body:
    """A neck, a speckled skin, a stem."""
    grid = Grid.of(n * 4 // 3)
    u = grid.u
    neck = rng.uniform(0.28, 0.4)
    radius = np.sin(u) * (0.82 - neck * np.tanh(1.6 * (np.cos(u) - 0.05)))
    long = rng.uniform(1.15, 1.5)
    height = long * np.cos(u) + 0.12 * bell(np.pi - u, 0.35)
    bend = rng.uniform(-0.15, 0.15) * (np.cos(u) + 1) ** 2
    skin = _pick("pear", rng)
    colours = _dots(_skin(grid, rng, noise, skin), grid, rng, noise, "7a5c2e", rng.uniform(0.2, 0.6))
    colours = blend(colours, linear("7d6a36"), 0.7 * bell(u, 0.25))
    places = revolve(grid, radius, height)
    places[0] += bend
    body = [Surface(places, colours.astype(np.float32), rng.uniform(0.1, 0.25), 25.0)]
    if rng.random() < 0.85:
        twig = stem(rng, long - 0.05, rng.uniform(0.25, 0.5), 0.035, "4d3a22")
        twig.places[0] += bend[0, 0]
        body.append(twig)
    return body


def pepper(n: int, rng: np.random.Generator, noise: Noise) -> Body:
    """Three or four blocky lobes, the glossiest skin, a thick green stem in a deep hollow."""
    grid = Grid.of(n * 4 // 3)
    u, v = grid.u, grid.v
    lobes = int(rng.integers(3, 5))
    side = np.sin(u) ** 0.7 * (0.88 + rng.uniform(0.0, 0.18) * np.cos(u))
    radius = side * (1 + rng.uniform(0.07, 0.13) * np.cos(lobes * v + 0.4 * np.sin(2 * v)))
    hollow = rng.uniform(0.3, 0.5)
    height = rng.uniform(1.05, 1.5) * np.cos(u) - hollow * bell(u, 0.55)
    height = height + (0.12 + 0.1 * np.cos(lobes * v)) * bell(np.pi - u, 0.5)
    skin = _pick("pepper", rng)
    colours = _skin(grid, rng, noise, skin)
    body = [Surface(revolve(grid, radius, height), colours.astype(np.float32), rng.uniform(0.5, 0.9), 55.0)]
    if rng.random() < 0.85:
        body.append(stem(rng, float(height[0].max()) - 0.02, rng.uniform(0.35, 0.65), 0.1, "5d7f2c"))
    return body


KINDS: Mapping[str, Callable[[int, np.random.Generator, Noise], Body]] = MappingProxyType(
    {kind.__name__: kind for kind in (apple, lemon, orange, peach, pear, pepper, plum, tomato)}
)
"""Every kind by name: (grid steps from pole to pole, random stream, noise) → a body."""
