"""What the fruit lies on: tables and cloths as colour and relief over the plane, in fruit radii."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .bodies import blend, linear, step
from .noise import Floats, Noise, lookup

Ground = tuple[Floats, Floats]
"""Linear colours (3, h, w) and a relief (h, w), about 0 ± 1."""


def _pick(rng: np.random.Generator, *colours: str) -> Floats:
    return linear(colours[rng.integers(len(colours))]) * np.float32(rng.uniform(0.8, 1.2))


def planks(x: Floats, y: Floats, rng: np.random.Generator, noise: Noise) -> Ground:
    """Wooden boards, each of its own tone, the grain along x."""
    wide = rng.uniform(1.2, 3.0)
    board = np.floor(y / wide)
    tone = rng.uniform(0.7, 1.2, 64).astype(np.float32)[board.astype(np.intp) % 64]
    shift = x + 37.0 * board
    rings = lookup(noise.cloud, shift * 6, y * 40 + 90 * board)
    figure = np.sin(9 * rings + 3 * lookup(noise.cloud, shift * 12, y * 60))
    fibre = lookup(noise.grain, shift * 6, y * 150)
    base = _pick(rng, "a8794c", "6b4428", "c9a878", "8d8478", "4a3426", "d8d0c0")
    colours = base * tone * (1 + 0.16 * figure + 0.14 * fibre)
    gap = step(np.abs(y / wide - board - 0.5), 0.485, 0.497)
    return colours * (1 - 0.85 * gap), 0.3 * fibre - gap


def cloth(x: Floats, y: Floats, rng: np.random.Generator, noise: Noise) -> Ground:
    """A woven cloth, plain, striped or checked, with soft folds."""
    threads = rng.uniform(6, 11)
    weave = np.sin(2 * np.pi * threads * x) * np.sin(2 * np.pi * threads * y)
    folds = lookup(noise.cloud, x * 18, y * 18)
    base = _pick(rng, "e8e2d4", "d8c8a8", "8aa0b0", "c8b0a0", "6a7a60", "404858")
    other = _pick(rng, "b03030", "30507a", "507040", "d8b040", "f0ece0", "303030")
    size, style = rng.uniform(0.5, 1.4), rng.integers(4)
    across, along = (
        step(np.sin(2 * np.pi * x / size), -0.15, 0.15),
        step(np.sin(2 * np.pi * y / size), -0.15, 0.15),
    )
    share = (0 * across, across, (across + along) / 2, step(np.sin(2 * np.pi * x / size), 0.8, 0.9))[style]
    colours = blend(base, other, share * 0.85) * (
        1 + 0.1 * weave + 0.06 * lookup(noise.grain, x * 90, y * 90)
    )
    return colours * (1 + 0.12 * folds), 0.25 * weave + 0.5 * folds


def marble(x: Floats, y: Floats, rng: np.random.Generator, noise: Noise) -> Ground:
    """Polished stone with veins."""
    warp = lookup(noise.cloud, x * 20, y * 20)
    field = lookup(noise.cloud, x * 25 + 30 * warp, y * 25 + 200)
    vein = np.exp(-np.abs(field) * rng.uniform(5, 12))
    base = _pick(rng, "e4e0da", "c8c4bc", "3a3a3e", "7d8a80", "d8c0a8")
    other = _pick(rng, "6a6a70", "b09060", "d8d4cc", "404048")
    return blend(base, other, 0.7 * vein) * (1 + 0.05 * warp), 0 * vein


def stone(x: Floats, y: Floats, rng: np.random.Generator, noise: Noise) -> Ground:
    """Slate, sandstone or concrete: stained and speckled."""
    stains = lookup(noise.cloud, x * 22, y * 22)
    grains = lookup(noise.grain, x * 60, y * 60)
    specks = step(lookup(noise.pores, x * 70, y * 70), 1.2, 1.8)
    base = _pick(rng, "8a8680", "54565a", "b8a888", "3c3e40", "a89078")
    return base * (1 + 0.14 * stains + 0.16 * grains) * (1 - 0.3 * specks), 0.6 * grains - 0.5 * specks


def tiles(x: Floats, y: Floats, rng: np.random.Generator, noise: Noise) -> Ground:
    """Glazed tiles, each of its own tone, set in grout."""
    size = rng.uniform(1.2, 2.6)
    column, row = np.floor(x / size), np.floor(y / size)
    tone = rng.uniform(0.75, 1.15, 256).astype(np.float32)[(column * 17 + row * 31).astype(np.intp) % 256]
    edge = np.maximum(np.abs(x / size - column - 0.5), np.abs(y / size - row - 0.5))
    grout = step(edge, 0.46, 0.48)
    base = _pick(rng, "d8d8d0", "7aa0a8", "b0603c", "30607a", "e0c890", "5a7a5a")
    glaze = base * tone * (1 + 0.08 * lookup(noise.cloud, x * 40, y * 40))
    return blend(
        glaze, linear("8a857a") * (1 + 0.2 * lookup(noise.grain, x * 80, y * 80)), grout
    ), -0.7 * grout


def wicker(x: Floats, y: Floats, rng: np.random.Generator, noise: Noise) -> Ground:
    """A mat of flat canes, over and under."""
    size = rng.uniform(0.35, 0.7)
    column, row = np.floor(x / size), np.floor(y / size)
    over = (column + row) % 2 == 0
    across, along = x / size - column - 0.5, y / size - row - 0.5
    bulge = np.where(
        over, np.cos(np.pi * along) * np.cos(0.8 * across), np.cos(np.pi * across) * np.cos(0.8 * along)
    )
    fibre = np.where(over, lookup(noise.grain, x * 10, y * 120), lookup(noise.grain, x * 120, y * 10))
    base = _pick(rng, "c8a060", "a87840", "d8c090", "6a4a2c")
    return base * (0.35 + 0.65 * bulge) * (1 + 0.12 * fibre), 0.8 * bulge


def served(colours: Floats, relief: Floats, x: Floats, y: Floats, rng: np.random.Generator) -> Ground:
    """Lay a flat glazed plate, with a coloured rim or without, round the origin of (x, y)."""
    radius, out = rng.uniform(1.6, 2.8), np.hypot(x, y)
    glaze = _pick(rng, "f0ede6", "d8dde0", "4a5058", "b8c8c0", "c89868")
    band = _pick(rng, "2c4a8a", "a83a2c", "4a6a3c", "d8d4cc")
    ring = step(np.abs(out / radius - 0.93), 0.035, 0.02)
    plate = blend(glaze, band, 0.8 * ring) * (1 - 0.18 * step(np.abs(out / radius - 0.72), 0.03, 0.0))
    fallen = 1 - 0.55 * step(out / radius, 1.12, 0.98)
    on_plate = step(out / radius, 1.0, 0.985)
    lip = 0.8 * step(np.abs(out / radius - 0.985), 0.03, 0.0)
    return blend(colours * fallen, plate, on_plate), relief * (1 - on_plate) + lip


GROUNDS: tuple[Callable[[Floats, Floats, np.random.Generator, Noise], Ground], ...] = (
    planks,
    planks,
    cloth,
    cloth,
    marble,
    stone,
    tiles,
    wicker,
)
"""Every ground, (x, y in fruit radii (h, w), random stream, noise) → a ground; wood and cloth count twice."""
