"""Lay things down: find each a free spot in view and a rotation in which it would come to rest."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .bodies import Surface
from .camera import Camera, turned
from .clutter import CLUTTER
from .kinds import KINDS
from .noise import Floats, Noise


@dataclass(frozen=True)
class Placed:
    """Surfaces in the world, where they stand, how far from the camera, and how far they reach."""

    surfaces: tuple[Surface, ...]
    x: float
    y: float
    depth: float
    reach: float


Spot = tuple[float, float, float]
"""A place x, y on the table, and its distance along the camera's gaze."""


def arrange(kind: str, camera: Camera, rng: np.random.Generator, noise: Noise) -> list[Placed]:
    """Place one to three fruits near the middle, then clutter round them, nothing inside anything."""
    things: list[Placed] = []
    n = int(3.1 * camera.focal_px / (camera.distance - 1))  # about a point a pixel at a nearby equator
    for i in range(rng.choice([1, 1, 2, 3])):
        body = KINDS[kind](n, rng, noise)
        _place(things, body, camera, rng, scale=rng.uniform(0.85, 1.1), spread=0.5 + 0.7 * i)
    for _ in range(rng.integers(0, 5)):
        clutter = CLUTTER[rng.integers(len(CLUTTER))](n, rng, noise)
        _place(things, clutter, camera, rng, scale=rng.uniform(0.7, 1.2), spread=2.3)
    return things


def _place(
    things: list[Placed],
    body: list[Surface],
    camera: Camera,
    rng: np.random.Generator,
    scale: float,
    spread: float,
) -> None:
    """Turn a body, find it a free spot in view and add it; leave it out where there is none."""
    turn = rotation(rng, lean=0.5) if body[0].two_sided else _resting(body[0], rng)
    standing = [turned(turn * np.float32(scale), surface.places) for surface in body]
    lowest = float(standing[0][2, ::2, ::2].min())
    reach = float(np.abs(standing[0][:2, ::4, ::4]).max()) if not body[0].two_sided else 0.4
    spot = next((spot for spot in _spots(camera, rng, spread) if _is_free(spot, reach, things)), None)
    if spot is None:
        return
    x, y, depth = spot
    shift = np.array([x, y, -lowest], np.float32)[:, None, None]
    surfaces = tuple(
        replace(surface, places=places + shift) for surface, places in zip(body, standing, strict=True)
    )
    things.append(Placed(surfaces, x, y, depth, reach))


def _is_free(spot: Spot, reach: float, things: list[Placed]) -> bool:
    return all(math.dist(spot[:2], (thing.x, thing.y)) > 0.93 * (reach + thing.reach) for thing in things)


def _spots(camera: Camera, rng: np.random.Generator, spread: float) -> list[Spot]:
    """Draw places on the table that lie well in view and not too near, with their depths; the origin last."""
    across = np.vstack([rng.normal(0, spread, (20, 2)), [0, 0]])
    places = np.column_stack([across, np.full(21, 0.7)]).astype(np.float32).T
    column, row, depth = camera.project(places)
    off_centre = np.maximum(abs(column - camera.side_px / 2), abs(row - camera.side_px / 2))
    good = (off_centre < 0.33 * camera.side_px) & (depth > 0.7 * camera.distance)
    return [(float(places[0, i]), float(places[1, i]), float(depth[i])) for i in np.flatnonzero(good)]


def _resting(surface: Surface, rng: np.random.Generator) -> Floats:
    """Of a few rotations take the one that lies lowest, as things do: an oval seldom stands on its tip."""
    few = surface.places[:, ::8, ::8].reshape(3, -1)
    turns = [rotation(rng) for _ in range(rng.integers(2, 6))]
    return min(turns, key=lambda turn: float((turn[2] @ few).mean() - (turn[2] @ few).min()))


def rotation(rng: np.random.Generator, lean: float = 1.0) -> Floats:
    """Turn about the upright axis, tip over (often a little, sometimes right over), turn again."""
    first, last = rng.uniform(0, 2 * np.pi, 2)
    tip = lean * abs(rng.normal(0, 0.5)) if rng.random() < 0.85 else lean * rng.uniform(0, np.pi)
    return (_spin(last) @ _tip(tip) @ _spin(first)).astype(np.float32)


def _spin(angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)


def _tip(angle: float) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]], np.float32)
