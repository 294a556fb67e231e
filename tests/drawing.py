"""Draw small images for tests: each number is another picture, the same on every machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(number: int, size: tuple[int, int] = (24, 16)) -> Image.Image:
    """An RGB image of blocks, red in its top left corner so that any turn shows."""
    blocks = np.random.default_rng(number).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    blocks[0, 0] = (255, 0, 0)
    return Image.fromarray(blocks).resize(size, Image.Resampling.NEAREST)


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def draw_set(root: Path, counts: Mapping[str, int], *, suffix: str = ".png") -> Path:
    """Fill ``root`` with different images: ``{"train/ants": 3}`` makes train/ants/0.png to 2.png."""
    number = 0
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            save(picture(number), root / folder / f"{i}{suffix}")
            number += 1
    return root


def scene(number: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A smooth picture, such as a photograph is to a perceptual hash."""
    noise = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def draw_scenes(root: Path, folders: dict[str, int]) -> Path:
    number = 0
    for folder, count in folders.items():
        for i in range(count):
            save(scene(number), root / folder / f"{i}.png")
            number += 1
    return root
