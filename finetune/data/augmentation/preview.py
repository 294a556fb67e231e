"""The sheet that shows what a policy does: eight images a row, the policy as a whole and each of its parts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from finetune.data.augmentation.family import FAMILY
from finetune.data.images import load_rgb
from finetune.data.transforms import TrainingTransform
from finetune.errors import ImageError

N_IMAGES = 8
N_VERSIONS = 3
CELL_PX = 112
GAP_PX = 4
TITLE_PX = 150
FONT_PX = 13
AS_IT_IS = "as it is"
MOST_TRIED = 50


@dataclass(frozen=True)
class Row:
    """A row of the sheet: its title, and what draws it in which epoch; None: the first that changes the image."""

    title: str
    transform: TrainingTransform
    epoch: int | None = 0

    def draw(self, image: Image.Image, index: int) -> Image.Image:
        """Return ``image``, the set's number ``index``, as this row shows it."""
        if self.epoch is not None:
            return self.transform.augment(image, epoch=self.epoch, index=index)
        plain = replace(self.transform, augmentation="none", switches=()).augment(image, epoch=0, index=index)
        versions = (self.transform.augment(image, epoch=epoch, index=index) for epoch in range(MOST_TRIED))
        return next((version for version in versions if version != plain), plain)


def rows_of(transform: TrainingTransform) -> list[Row]:
    """Return the images as they are, the policy in three epochs, then each of its augmentations alone."""
    plain = replace(transform, augmentation="none", switches=())
    strengths = transform.strengths
    whole = [
        Row(f"{transform.augmentation}, epoch {epoch + 1}", transform, epoch) for epoch in range(N_VERSIONS)
    ]
    upright = (("rotation", 0.0),) if strengths.keeps_upright else ()
    alone = [
        Row(_title(name, strengths[name]), replace(plain, switches=((name, strengths[name]), *upright)), None)
        for name in strengths
    ]
    return [Row(AS_IT_IS, plain), *(whole if strengths else ()), *(alone if len(alone) > 1 else ())]


def _title(name: str, strength: float) -> str:
    return name if FAMILY[name].kind == "switch" else f"{name} {strength:g}"


def draw_sheet(paths: Sequence[Path], transform: TrainingTransform) -> Image.Image:
    """Draw `rows_of` the transform for up to eight of ``paths``, spread over them; one image keeps its column.

    Those that cannot be read are left out; raises ImageError where none can.
    """
    images = _read(spread(paths, N_IMAGES))
    rows, cell = rows_of(transform), CELL_PX + GAP_PX
    sheet = Image.new("RGB", (TITLE_PX + len(images) * cell, len(rows) * cell), "white")
    drawing, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_PX)
    for line, row in enumerate(rows):
        drawing.text((GAP_PX, line * cell + CELL_PX // 2), row.title, "black", font, anchor="lm")
        for column, (index, image) in enumerate(images):
            small = row.draw(image, index).resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
            sheet.paste(small, (TITLE_PX + column * cell, line * cell))
    return sheet


def _read(shown: Sequence[tuple[int, Path]]) -> list[tuple[int, Image.Image]]:
    images: list[tuple[int, Image.Image]] = []
    trouble: ImageError | None = None
    for index, path in shown:
        try:
            images.append((index, load_rgb(path)))
        except ImageError as error:
            trouble = error
    if trouble is not None and not images:
        raise trouble
    return images


def spread(paths: Sequence[Path], n_images: int) -> list[tuple[int, Path]]:
    """Return up to ``n_images`` of ``paths`` with their places, at equal distances."""
    n_shown = min(n_images, len(paths))
    return [(place, paths[place]) for place in (len(paths) * rank // n_shown for rank in range(n_shown))]
