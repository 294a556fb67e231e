"""Families that are drawn: what is asked of the network is known, and photographs are far."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from advisor.pictures import Labelled, Maker, Part

SIDE = 64
N_TRAIN = {"train": 3_400, "test": 1_000}
Random = np.random.Generator
Draw = Callable[[int, Random, Part], Image.Image]
"""Draws a picture of class number k; the side matters where sources must differ."""


def family(labels: tuple[str, ...], draw: Draw, *, seed: int) -> Maker:
    """Return a maker of a family: classes in turn, each picture from its own random numbers."""

    def make() -> Iterator[Labelled]:
        for part, total in N_TRAIN.items():
            side: Part = "train" if part == "train" else "test"
            for rank in range(total):
                random = np.random.default_rng([seed, rank, part == "test"])
                number = rank % len(labels)
                yield Labelled(side, labels[number], draw(number, random, side))

    return make


def counting(number: int, random: Random, _: Part) -> Image.Image:
    """One to six shapes of any kind, size and colour that do not touch; the class is how many."""
    image, pen = _canvas(random)
    placed: list[tuple[float, float, float]] = []
    while len(placed) < number + 1:
        size = random.uniform(4, 8)
        x, y = random.uniform(size, SIDE - size, 2)
        if all(math.hypot(x - a, y - b) > size + other + 2 for a, b, other in placed):
            placed.append((x, y, size))
            _shape(pen, int(random.integers(3)), x, y, size, _colour(random))
    return _noisy(image, random)


def orientation(number: int, random: Random, _: Part) -> Image.Image:
    """A bar on a noisy ground; the class is its angle, in eighths of half a turn."""
    image, pen = _canvas(random)
    angle = math.pi * (number + random.uniform(-0.35, 0.35)) / 8
    length, x, y = random.uniform(14, 26), *random.uniform(26, 38, 2)
    dx, dy = length * math.cos(angle), length * math.sin(angle)
    pen.line((x - dx, y - dy, x + dx, y + dy), fill=_colour(random), width=int(random.integers(2, 6)))
    return _noisy(image, random, 18)


def relations(number: int, random: Random, _: Part) -> Image.Image:
    """A disc and a square; the class says where the disc lies: left, right, above or below."""
    image, pen = _canvas(random)
    gap, slip = random.uniform(16, 24), random.uniform(-8, 8)
    dx, dy = ((-gap, slip), (gap, slip), (slip, -gap), (slip, gap))[number]
    x, y = random.uniform(28, 36, 2)
    for kind, sign in ((0, 0.5), (1, -0.5)):
        _shape(pen, kind, x + sign * dx, y + sign * dy, random.uniform(5, 8), _colour(random))
    return _noisy(image, random)


def defects(number: int, random: Random, _: Part) -> Image.Image:
    """A woven texture; the class is its fault: none, a scratch, a stain or a missing thread."""
    y, x = np.mgrid[:SIDE, :SIDE]
    turn, period = random.uniform(0, math.pi), random.uniform(5, 9)
    u, v = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    weave = 128 + 40 * np.sin(2 * math.pi * u / period) + 40 * np.sin(2 * math.pi * v / period)
    if number == 3:
        weave[np.abs(v - random.uniform(-10, 10) - (32 if turn < math.pi / 2 else -20)) < period / 2] = 100
    image = Image.fromarray(np.clip(weave, 0, 255).astype(np.uint8)).convert("RGB")
    pen = ImageDraw.Draw(image)
    a, b, c, d = random.uniform(6, 58, 4)
    if number == 1:
        pen.line((a, b, c, d), fill=(200,) * 3, width=1)
    if number == 2:
        radius = random.uniform(3, 8)
        pen.ellipse((a - radius, b - radius, a + radius, b + radius), fill=(110,) * 3)
    return _noisy(image.filter(ImageFilter.GaussianBlur(0.6)), random, 14)


def spectra(number: int, random: Random, _: Part) -> Image.Image:
    """A short sound's spectrogram: rising, falling, two tones, trembling, pulsing, or noise alone."""
    n = 64 * 64
    time = np.arange(n) / n
    low, high = random.uniform(100, 600), random.uniform(1_000, 1_800)
    rate = random.uniform(3, 9)
    sweep = low * time + (high - low) * time**2 / 2
    tones = (
        np.sin(2 * np.pi * sweep),
        np.sin(2 * np.pi * (high * time - (high - low) * time**2 / 2)),
        np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time),
        np.sin(2 * np.pi * (high * time + 40 * np.sin(2 * np.pi * rate * time))),
        np.sin(2 * np.pi * high * time) * (np.sin(2 * np.pi * rate * time) > 0),
        np.zeros(n),
    )
    sound = tones[number] + random.normal(0, random.uniform(1.0, 2.5), n)
    frames = sound.reshape(64, 64) * np.hanning(64)
    power = np.log1p(np.abs(np.fft.rfft(frames, n=126, axis=1)).T)[::-1]
    grey = 255 * (power - power.min()) / (power.max() - power.min())
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def charts(number: int, random: Random, _: Part) -> Image.Image:
    """A small chart without text: bars, a line, points or a pie, in any colours, some lines across."""
    image, pen = _canvas(random, light=True)
    colour = _colour(random)
    values = random.uniform(8, 50, int(random.integers(4, 9)))
    step = 56 / len(values)
    spots = [(4 + step * (k + 0.5), 60 - value) for k, value in enumerate(values)]
    if number == 0:
        for x, y in spots:
            pen.rectangle((x - step / 3, y, x + step / 3, 60), fill=colour)
    elif number == 1:
        pen.line(spots, fill=colour, width=2)
    elif number == 2:
        for x, y in spots:
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
    else:
        ends = np.cumsum(values) / values.sum() * 360
        for start, end in zip((0, *ends[:-1]), ends, strict=True):
            pen.pieslice((10, 10, 54, 54), start, end, fill=_colour(random))
    return _noisy(image, random, 16)


LETTERS = tuple("ABDEGKMRST")


def glyphs() -> Maker:
    """Return a maker of letters in the fonts that matplotlib brings; those of the test are other fonts."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = {
        "train": (
            "DejaVuSans",
            "DejaVuSans-Bold",
            "DejaVuSansMono",
            "DejaVuSerif",
            "DejaVuSerif-Bold",
            "cmr10",
        ),
        "test": (
            "STIXGeneral",
            "STIXGeneralBol",
            "STIXGeneralItalic",
            "cmss10",
            "cmtt10",
            "DejaVuSans-Oblique",
        ),
    }

    def draw(number: int, random: Random, part: Part) -> Image.Image:
        name = fonts[part][int(random.integers(len(fonts[part])))]
        font = ImageFont.truetype(str(folder / f"{name}.ttf"), int(random.integers(18, 44)))
        image, _ = _canvas(random)
        layer = Image.new("L", image.size)
        ImageDraw.Draw(layer).text(
            tuple(random.uniform(26, 38, 2)), LETTERS[number], fill=255, font=font, anchor="mm"
        )
        layer = layer.rotate(random.uniform(-25, 25), Image.Resampling.BICUBIC)
        image.paste(_colour(random), mask=layer)
        return _noisy(image, random, 20)

    return family(LETTERS, draw, seed=7)


def _canvas(random: Random, *, light: bool = False) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    ground = random.integers(200, 256, 3) if light else random.integers(0, 90, 3)
    image = Image.new("RGB", (SIDE, SIDE), tuple(ground.tolist()))
    return image, ImageDraw.Draw(image)


def _colour(random: Random) -> tuple[int, int, int]:
    red, green, blue = random.integers(90, 256, 3).tolist()
    return red, green, blue


def _shape(
    pen: ImageDraw.ImageDraw, kind: int, x: float, y: float, size: float, colour: tuple[int, int, int]
) -> None:
    if kind == 0:
        pen.ellipse((x - size, y - size, x + size, y + size), fill=colour)
    elif kind == 1:
        pen.rectangle((x - size, y - size, x + size, y + size), fill=colour)
    else:
        pen.polygon(((x, y - size), (x + size, y + size), (x - size, y + size)), fill=colour)


def _noisy(image: Image.Image, random: Random, deviation: float = 10) -> Image.Image:
    values = np.asarray(image, np.float32) + random.normal(0, deviation, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
