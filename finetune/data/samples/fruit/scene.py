"""Set one still life and photograph it: a ground, some fruit of one kind, clutter, a lamp, a lens."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .bodies import Surface
from .clutter import CLUTTER, leaf
from .grounds import GROUNDS, served
from .kinds import KINDS
from .noise import Floats, Noise, lookup
from .render import Camera, Layer, Light, blurred, display, draw, shadow, turned

SIDE_PX = 224

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


@dataclass(frozen=True)
class Placed:
    """Surfaces in the world, where they stand, how far from the camera, and how far they reach."""

    surfaces: tuple[Surface, ...]
    x: float
    y: float
    depth: float
    reach: float


def photograph(kind: str, rng: np.random.Generator, noise: Noise) -> Image.Image:
    """Return one RGB picture, 224×224 px, of one to three fruits of a kind."""
    camera = _camera(rng)
    light = _light(rng)
    things = _arrange(kind, camera, rng, noise)
    canvas, light = _ground(things, camera, light, rng, noise)
    aperture = rng.uniform(1, 9)
    for thing in sorted(things, key=lambda thing: -thing.y):
        blur_px = min(4.0, aperture * abs(1 - things[0].depth / thing.depth))
        draw(thing.surfaces, camera, light, blur_px=blur_px).over(canvas)
    if rng.random() < 0.2:
        _near_leaf(camera, light, rng, noise).over(canvas)
    return _lens(canvas, rng)


def _camera(rng: np.random.Generator) -> Camera:
    pitch = np.radians(rng.uniform(14, 75))
    return Camera(rng.uniform(6.8, 9.8), float(pitch), focal_px=1.75 * SIDE_PX, side_px=SIDE_PX)


def _light(rng: np.random.Generator) -> Light:
    azimuth, height = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(28, 75))
    towards = np.array([np.cos(azimuth) * np.cos(height), np.sin(azimuth) * np.cos(height), np.sin(height)])
    warmth = rng.uniform(-0.12, 0.2)
    lamp = np.array([1 + warmth, 1, 1 - 1.3 * warmth]) * rng.uniform(0.7, 1.6)
    sky = np.array([1 - 0.5 * warmth, 1, 1 + 0.7 * warmth]) * rng.uniform(0.3, 0.8)
    return Light(*(part.astype(np.float32) for part in (towards, lamp, sky, 0.3 * sky)))


def _arrange(kind: str, camera: Camera, rng: np.random.Generator, noise: Noise) -> list[Placed]:
    """Place one to three fruits near the middle, then clutter round them, nothing inside anything."""
    things: list[Placed] = []
    n = int(2.8 * camera.focal_px / (camera.distance - 1))  # about a point a pixel at a nearby equator
    for i in range(rng.choice([1, 1, 2, 3])):
        body = KINDS[kind](n, rng, noise)
        _place(things, body, camera, rng, scale=rng.uniform(0.85, 1.1), spread=0.5 + 0.7 * i)
    for _ in range(rng.integers(0, 6)):
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
    turn = _rotation(rng, lean=0.5) if body[0].two_sided else _resting(body[0], rng)
    standing = [turned(turn * np.float32(scale), surface.places) for surface in body]
    lowest = float(standing[0][2, ::2, ::2].min())
    reach = float(np.abs(standing[0][:2, ::4, ::4]).max()) if not body[0].two_sided else 0.4
    for _ in range(20):
        x, y = rng.normal(0, spread, 2)
        column, row, depth = camera.project(np.array([[x], [y], [0.5]], np.float32))[:, 0]
        in_view = min(column, row) / SIDE_PX > 0.12 and max(column, row) / SIDE_PX < 0.88
        is_free = all(np.hypot(x - other.x, y - other.y) > 0.93 * (reach + other.reach) for other in things)
        if in_view and is_free and depth > 0.7 * camera.distance:
            break
    else:
        return
    shift = np.array([x, y, -lowest], np.float32)[:, None, None]
    surfaces = tuple(
        replace(surface, places=places + shift) for surface, places in zip(body, standing, strict=True)
    )
    things.append(Placed(surfaces, float(x), float(y), float(depth), reach))


def _resting(surface: Surface, rng: np.random.Generator) -> Floats:
    """Of a few rotations take the one that lies lowest, as things do: an oval seldom stands on its tip."""
    few = surface.places[:, ::8, ::8].reshape(3, -1)
    turns = [_rotation(rng) for _ in range(rng.integers(2, 6))]
    return min(turns, key=lambda turn: float((turn[2] @ few).mean() - (turn[2] @ few).min()))


def _rotation(rng: np.random.Generator, lean: float = 1.0) -> Floats:
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


def _ground(
    things: list[Placed], camera: Camera, light: Light, rng: np.random.Generator, noise: Noise
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


def _shadows(things: list[Placed], camera: Camera, light: Light, rng: np.random.Generator) -> Floats:
    points = np.concatenate(
        [s.places[:, ::3, ::3].reshape(3, -1) for thing in things for s in thing.surfaces], axis=1
    )
    return shadow(points, light.towards, camera, rng.uniform(2, 7))


def _contacts(things: list[Placed], camera: Camera) -> Floats:
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


def _near_leaf(camera: Camera, light: Light, rng: np.random.Generator, noise: Noise) -> Layer:
    """Hang a blurred leaf close to the lens."""
    (blade,) = leaf(140, rng, noise)
    hanging = turned(_rotation(rng), blade.places)
    place = camera.place * 0.55 + rng.normal(0, 0.8, 3).astype(np.float32)
    return draw(
        [replace(blade, places=hanging + place[:, None, None])], camera, light, blur_px=rng.uniform(3, 6)
    )


def _lens(canvas: Floats, rng: np.random.Generator) -> Image.Image:
    """Expose, tint, vignette, blur a little and add sensor noise."""
    side = len(canvas)
    out = np.linspace(-1, 1, side, dtype=np.float32)
    right, up = rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.2)
    falloff = 1 - rng.uniform(0.05, 0.2) * (
        (out[None, :, None] - right) ** 2 + (out[:, None, None] - up) ** 2
    )
    tint = (rng.uniform(0.93, 1.07, 3) * rng.uniform(0.8, 1.15)).astype(np.float32)
    soft = blurred(canvas * falloff * tint, rng.uniform(0, 0.9))
    grain = rng.uniform(1, 5.5) / 255 * rng.standard_normal((side, side, 1), dtype=np.float32)
    return Image.fromarray(((soft + grain) * 255).clip(0, 255).astype(np.uint8))
