"""Paint what the things stand on and before: ground, plate, shadows, and the room behind the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .arrange import Placed
from .camera import Camera, Light
from .grounds import GROUNDS, served
from .noise import Floats, Noise, lookup
from .render import blurred, display, shadow

WALLS = (
    (84, 92, 78),
    (52, 58, 66),
    (148, 138, 122),
    (96, 70, 58),
    (112, 128, 140),
    (44, 40, 38),
    (180, 170, 156),
)
"""The colours of the room behind the table."""


def set_table(
    things: Sequence[Placed], camera: Camera, light: Light, rng: np.random.Generator, noise: Noise
) -> tuple[Floats, Light]:
    """Paint table and backdrop (h, w, 3), and give the lamp the table's glow."""
    x, y, depth = camera.table()
    edge = rng.uniform(2.5, 9.0)
    on_table = (depth > 0) & (y < edge)
    x, y, depth = (np.where(on_table, part, 0).astype(np.float32) for part in (x, y, depth))
    angle, right, up = rng.uniform(0, 2 * np.pi), rng.uniform(-50, 50), rng.uniform(-50, 50)
    c, s = math.cos(angle), math.sin(angle)
    ground = GROUNDS[rng.integers(len(GROUNDS))]
    albedo, relief = ground(c * x - s * y + right, s * x + c * y + up, rng, noise)
    if rng.random() < 0.25:
        albedo, relief = served(albedo, relief, x - things[0].x, y - things[0].y, rng)
    slope = relief - np.roll(relief, (1, 1 if light.towards[0] > 0 else -1), axis=(0, 1))
    contacts = _contacts(things, camera)
    lit = (
        (1 - 0.75 * _shadows(things, camera, light, rng))
        * (1 - 0.4 * contacts)
        * (1 + 0.25 * np.clip(slope, -1, 1))
    )
    glow = albedo.reshape(3, -1).mean(axis=1)
    shining = light.lamp * light.towards[2]
    linear = albedo * (shining[:, None, None] * lit + light.sky[:, None, None] * (1 - 0.75 * contacts))
    light = replace(light, glow=(glow * (shining + light.sky) * 0.8).astype(np.float32))
    table = np.moveaxis(display(linear), 0, 2)
    return _with_backdrop(table, on_table, rng, noise), light


def _shadows(things: Sequence[Placed], camera: Camera, light: Light, rng: np.random.Generator) -> Floats:
    points = np.concatenate(
        [s.places[:, ::3, ::3].reshape(3, -1) for thing in things for s in thing.surfaces], axis=1
    )
    return shadow(points, light.towards, camera, rng.uniform(2, 7))


def _contacts(things: Sequence[Placed], camera: Camera) -> Floats:
    points = np.concatenate(
        [thing.surfaces[0].places[:, ::3, ::3].reshape(3, -1) for thing in things], axis=1
    )
    low = points[:, points[2] < 0.35]
    return shadow(low, np.array([0, 0, 1], np.float32), camera, 5)


def _with_backdrop(
    table: Floats, on_table: NDArray[np.bool_], rng: np.random.Generator, noise: Noise
) -> Floats:
    """Put a dim, blurred room behind the table's far edge, and blur the table towards it."""
    side = len(table)
    soft = blurred(table, 2.5)
    far = np.linspace(rng.uniform(0.3, 1.0), -0.6, side, dtype=np.float32).clip(0, 1)[:, None, None]
    table = table + (soft - table) * far
    if on_table.all():
        return table
    ramp = np.arange(side // 4, dtype=np.float32)
    right, up = ramp[None, :] + rng.uniform(0, 512), ramp[:, None] + rng.uniform(0, 512)
    right, up = np.broadcast_arrays(right.astype(np.float32), up.astype(np.float32))
    wall = WALLS[rng.integers(len(WALLS))]
    dim = rng.uniform(0.5, 1.1) * (1 + 0.25 * lookup(noise.cloud, right * 2, up * 2))
    spots = rng.uniform(0.1, 0.4) * blurred(
        (lookup(noise.cloud, right * 5, up * 5) > 0.9).astype(np.float32), 1.5
    )
    room = (np.array(wall, np.float32) / 255 * dim[..., None] + spots[..., None]).clip(0, 1)
    wide = Image.fromarray((room * 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    share = blurred(on_table.astype(np.float32), 1.5)[..., None]
    behind = np.asarray(wide, np.float32) / 255
    return behind + (table - behind) * share
