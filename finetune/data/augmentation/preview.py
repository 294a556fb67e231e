"""The sheet that shows what a policy does: eight images a row, the policy as a whole and each of its parts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from finetune.data.augmentation.family import FAMILY
from finetune.data.images import load_rgb
from finetune.data.transforms import TrainingTransform
from finetune.errors import DataError, ImageError

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


@dataclass(frozen=True)
class Sheet:
    """The picture, and why each image that was to be on it is not: one sentence each."""

    picture: Image.Image
    unreadable: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what to tell: nothing where all could be read, else one sentence."""
        if not self.unreadable:
            return ()
        others = len(self.unreadable) - 1
        more = f", and so {'is another' if others == 1 else f'are {others} others'}" if others else ""
        return (
            f"warning: {self.unreadable[0]}{more}; left out of the sheet, and "
            "`finetune inspect` lists all that cannot be read",
        )


def draw_sheet(paths: Sequence[Path], transform: TrainingTransform) -> Sheet:
    """Draw `rows_of` the transform for up to eight of ``paths``, spread over them; one image keeps its column.

    Raises DataError where none of them can be read.
    """
    images, unreadable = readable(paths, N_IMAGES)
    rows, cell = rows_of(transform), CELL_PX + GAP_PX
    sheet = Image.new("RGB", (TITLE_PX + len(images) * cell, len(rows) * cell), "white")
    drawing, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_PX)
    for line, row in enumerate(rows):
        drawing.text((GAP_PX, line * cell + CELL_PX // 2), row.title, "black", font, anchor="lm")
        for column, (index, image) in enumerate(images):
            small = row.draw(image, index).resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
            sheet.paste(small, (TITLE_PX + column * cell, line * cell))
    return Sheet(sheet, unreadable)


def readable(paths: Sequence[Path], n_images: int) -> tuple[list[tuple[int, Image.Image]], tuple[str, ...]]:
    """Return up to ``n_images`` of ``paths``, decoded, with their places, and why others could not be.

    They are spread at equal distances; the next one that can be read, past the end the first, stands in for one
    that cannot. Raises DataError where none can be.
    """
    shown: dict[int, Image.Image] = {}
    errors: dict[int, str] = {}
    for start in spread(len(paths), n_images):
        for place in (*range(start, len(paths)), *range(start)):
            if place in shown or place in errors:
                continue
            try:
                shown[place] = load_rgb(paths[place])
                break
            except ImageError as error:
                errors[place] = str(error)
    if not shown:
        raise DataError(
            f"none of the {len(paths)} images can be read: {next(iter(errors.values()), 'there are none')}; "
            "check them with `finetune inspect`"
        )
    return sorted(shown.items()), tuple(errors.values())


def spread(n_all: int, n_images: int) -> list[int]:
    """Return up to ``n_images`` of ``n_all`` places, at equal distances."""
    n_shown = min(n_images, n_all)
    return [n_all * rank // n_shown for rank in range(n_shown)]
