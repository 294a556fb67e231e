"""Set one still life and photograph it: a ground, some fruit of one kind, clutter, a lamp, a lens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from .arrange import arrange, rotation
from .camera import Camera, Light, turned
from .clutter import leaf
from .noise import Floats, Noise
from .render import Layer, blurred, draw
from .table import set_table

SIDE_PX = 224


def photograph(kind: str, rng: np.random.Generator, noise: Noise) -> Image.Image:
    """Return one RGB picture, 224×224 px, of one to three fruits of a kind."""
    camera = _camera(rng)
    light = _light(rng)
    things = arrange(kind, camera, rng, noise)
    canvas, light = set_table(things, camera, light, rng, noise)
    aperture = rng.uniform(1, 7)
    for thing in sorted(things, key=lambda thing: -thing.y):
        blur_px = min(4.0, aperture * abs(1 - things[0].depth / thing.depth))
        draw(thing.surfaces, camera, light, blur_px=blur_px).over(canvas)
    if rng.random() < 0.15:
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


def _near_leaf(camera: Camera, light: Light, rng: np.random.Generator, noise: Noise) -> Layer:
    """Hang a blurred leaf close to the lens."""
    (blade,) = leaf(140, rng, noise)
    hanging = turned(rotation(rng), blade.places)
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
    tint = (rng.uniform(0.93, 1.07, 3) * rng.uniform(0.88, 1.15)).astype(np.float32)
    soft = blurred(canvas * falloff * tint, rng.uniform(0, 0.9))
    grain = rng.uniform(1, 5.5) / 255 * rng.standard_normal((side, side, 1), dtype=np.float32)
    return Image.fromarray(((soft + grain) * 255).clip(0, 255).astype(np.uint8))
