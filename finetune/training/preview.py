"""The sheet of training images as the network will see them, so that no augmentation is a surprise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from finetune.data.images import load_rgb
from finetune.data.sources import LabelledImage
from finetune.data.transforms import TrainingTransform

N_IMAGES = 4
N_VERSIONS = 5
CELL_PX = 128
GAP_PX = 4


def draw_preview(images: Sequence[LabelledImage], transform: TrainingTransform, path: Path) -> None:
    """Draw one row for each of a few images, spread over the set: the plain crop, then augmented versions."""
    step = max(1, len(images) // N_IMAGES)
    shown = [(index, images[index]) for index in range(0, len(images), step)][:N_IMAGES]
    cell = CELL_PX + GAP_PX
    sheet = Image.new("RGB", ((N_VERSIONS + 1) * cell, len(shown) * cell), "white")
    for row, (index, image) in enumerate(shown):
        pixels = load_rgb(image.path)
        versions = [transform.preprocessing.resize_and_crop(pixels)]
        versions += [transform.augment(pixels, epoch=epoch, index=index) for epoch in range(N_VERSIONS)]
        for column, version in enumerate(versions):
            sheet.paste(version.resize((CELL_PX, CELL_PX)), (column * cell, row * cell))
    sheet.save(path)
