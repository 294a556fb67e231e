"""Turn surfaces into pixels: a pinhole camera, one lamp and a sky, points splatted on a finer grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from .bodies import Surface
from .camera import Camera, Light, dot
from .noise import Floats

FINER = 2
"""Grid lines a pixel where points fall, before halving."""

COARSER = 4
"""Pixels a grid line where shadows fall, before blurring."""


@dataclass(frozen=True)
class Layer:
    """A cut-out (h, w, 4): display colours times coverage, and coverage, in [0, 1]; its corner in pixels."""

    pixels: Floats
    left: int
    top: int

    def over(self, canvas: Floats) -> None:
        """Lay it over a canvas (h, w, 3), in place."""
        height, width = self.pixels.shape[:2]
        under = canvas[self.top : self.top + height, self.left : self.left + width]
        under *= 1 - self.pixels[..., 3:]
        under += self.pixels[..., :3]


def display(light: Floats) -> Floats:
    """Expose linear light to display values in [0, 1], with a soft shoulder (gamma 2)."""
    shown: Floats = np.sqrt(1 - np.exp(-1.25 * np.maximum(light, 0)))
    return shown


def draw(surfaces: Sequence[Surface], camera: Camera, light: Light, *, blur_px: float = 0.0) -> Layer:
    """Draw surfaces that lie in the world, the nearer hiding the farther, through a lens out of focus."""
    seen = [_visible(surface, camera, light) for surface in surfaces]
    spots = np.concatenate([spot for spot, _ in seen], axis=1)
    colours = np.concatenate([colour for _, colour in seen], axis=1)
    layer = _splat(spots, colours, camera.side_px, margin_px=int(3 * blur_px) + 1)
    return layer if blur_px < 0.3 else replace(layer, pixels=blurred(layer.pixels, blur_px))


def blurred(pixels: Floats, radius_px: float) -> Floats:
    """Blur values in [0, 1], (h, w), (h, w, 3) or (h, w, 4), to eight bits' precision."""
    eight = Image.fromarray((pixels * 255).clip(0, 255).astype(np.uint8))
    return np.asarray(eight.filter(ImageFilter.GaussianBlur(radius_px)), np.float32) / np.float32(255)


def shadow(places: Floats, towards: Floats, camera: Camera, softness_px: float) -> Floats:
    """Cast points (3, n) along the light on the table: darkness (h, w) in [0, 1], soft by 2 px or more."""
    fallen = places - towards[:, None] * (places[2] / towards[2])
    column, row, _ = camera.project(fallen)
    inside = (column >= 0) & (row >= 0) & (column < camera.side_px) & (row < camera.side_px)
    side = camera.side_px // COARSER
    mask = np.zeros((side, side), np.uint8)
    mask[tuple((np.stack([row[inside], column[inside]]) / COARSER).astype(np.intp))] = 255
    soft = Image.fromarray(mask).filter(ImageFilter.GaussianBlur(softness_px / COARSER))
    wide = soft.resize((camera.side_px, camera.side_px), Image.Resampling.BICUBIC)
    return np.asarray(wide, np.float32) / np.float32(255)


def _normals(surface: Surface) -> Floats:
    places = surface.places
    if surface.two_sided:
        down, around = np.gradient(places, axis=1), np.gradient(places, axis=2)
    else:
        down = np.empty_like(places)
        down[:, 1:-1] = places[:, 2:] - places[:, :-2]
        down[:, 0], down[:, -1] = places[:, 1] - places[:, 0], places[:, -1] - places[:, -2]
        around = np.empty_like(places)
        around[:, :, 1:-1] = places[:, :, 2:] - places[:, :, :-2]
        around[:, :, 0], around[:, :, -1] = (
            places[:, :, 1] - places[:, :, -1],
            places[:, :, 0] - places[:, :, -2],
        )
    normals = np.stack(
        [
            down[1] * around[2] - down[2] * around[1],
            down[2] * around[0] - down[0] * around[2],
            down[0] * around[1] - down[1] * around[0],
        ]
    )
    normals /= np.sqrt(dot(normals, normals)) + np.float32(1e-9)
    return normals


def _visible(surface: Surface, camera: Camera, light: Light) -> tuple[Floats, Floats]:
    places, normals = surface.places.reshape(3, -1), _normals(surface).reshape(3, -1)
    view = camera.place[:, None] - places
    facing = dot(normals, view)
    if surface.two_sided:
        normals = normals * np.where(facing < 0, -1, 1).astype(np.float32)
        kept = np.flatnonzero(places[2] > -0.02)
    else:
        kept = np.flatnonzero((facing > 0) & (places[2] > -0.02))
    places, normals, view = places.take(kept, axis=1), normals.take(kept, axis=1), view.take(kept, axis=1)
    view /= np.sqrt(dot(view, view))
    colours = surface.colours.reshape(3, -1).take(kept, axis=1)
    return camera.project(places), display(_lit(surface, places, normals, view, colours, light))


def _lit(
    surface: Surface, places: Floats, normals: Floats, view: Floats, colours: Floats, light: Light
) -> Floats:
    """Shade points: a soft-edged lamp, sky above, glow below, darker near the table, highlight and rim."""
    wrap = 0.15
    lamp = np.clip((dot(light.towards, normals) + wrap) / (1 + wrap), 0, 1)
    upward = 0.5 + 0.5 * normals[2]
    closeness = np.clip(places[2] / 0.9, 0, 1)
    open_sky = np.maximum(upward, 0.25 + 0.75 * closeness) * upward
    diffuse = light.lamp[:, None] * lamp + light.sky[:, None] * open_sky
    diffuse += light.glow[:, None] * ((1 - upward) * (0.3 + 0.7 * closeness))
    half = light.towards[:, None] + view
    half /= np.sqrt(dot(half, half)) + 1e-9
    highlight = surface.gloss * np.clip(dot(normals, half), 0, 1) ** surface.sharpness
    edge = (1 - np.clip(dot(normals, view), 0, 1)) ** 3
    rim = (0.25 * surface.gloss + surface.fuzz) * edge * upward
    shaded: Floats = colours * diffuse + light.lamp[:, None] * highlight + light.sky[:, None] * rim
    return shaded


def _splat(spots: Floats, colours: Floats, side_px: int, margin_px: int) -> Layer:
    """Put points (column, row, depth; n) on a grid finer than the canvas, the nearest last, and halve it."""
    column, row, depth = spots
    inside = (column >= 0) & (row >= 0) & (column < side_px) & (row < side_px) & (depth > 1)
    if not inside.any():
        return Layer(np.zeros((1, 1, 4), np.float32), 0, 0)
    if not inside.all():
        spots, colours = spots[:, inside], colours[:, inside]
    left, top = (max(int(low) - margin_px, 0) for low in spots[:2].min(axis=1))
    right, bottom = (min(int(high) + 1 + margin_px, side_px) for high in spots[:2].max(axis=1))
    wide, high = FINER * (right - left), FINER * (bottom - top)
    column, row = (spots[0] - left) * FINER, (spots[1] - top) * FINER
    near, far = spots[2].min(), spots[2].max()
    rank = ((far - spots[2]) * (65535 / max(far - near, 1e-6))).astype(np.uint16)
    order = np.argsort(rank, kind="stable")
    pixels = np.zeros((4, high * wide), np.float32)
    where = (row.astype(np.intp) * wide + column.astype(np.intp))[order]
    for plane, colour in zip(pixels, colours, strict=False):
        plane[where] = colour.take(order)
    pixels[3, where] = 1
    return Layer(_halve(pixels.reshape(4, high, wide)), left, top)


def _halve(pixels: Floats) -> Floats:
    """Halve (4, h, w) to (h/2, w/2, 4); holes between points take their neighbours' colour."""
    filled = -_widened(_widened(-_widened(_widened(pixels[3]))))
    coverage = _quads(filled) / 4
    total = _quads(pixels)
    spread = total.copy()
    spread[:, 1:] += total[:, :-1]
    spread[:, :-1] += total[:, 1:]
    tall = spread.copy()
    spread[:, :, 1:] += tall[:, :, :-1]
    spread[:, :, :-1] += tall[:, :, 1:]
    total = np.where(total[3] > 0, total, spread)
    coverage *= total[3] > 0
    return np.dstack([*(total[:3] * (coverage / np.maximum(total[3], 1))), coverage])


def _quads(fine: Floats) -> Floats:
    """Add up every two by two of the last two axes."""
    rows: Floats = fine[..., 0::2, :] + fine[..., 1::2, :]
    return rows[..., 0::2] + rows[..., 1::2]


def _widened(mask: Floats) -> Floats:
    """Take the largest of every point and its eight neighbours; the rim keeps its value."""
    tall = mask.copy()
    tall[1:-1] = np.maximum(np.maximum(mask[:-2], mask[2:]), mask[1:-1])
    wide = tall.copy()
    wide[:, 1:-1] = np.maximum(np.maximum(tall[:, :-2], tall[:, 2:]), tall[:, 1:-1])
    return wide
