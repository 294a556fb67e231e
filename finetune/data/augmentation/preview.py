"""The sheet that shows what a policy does: eight images a row, the policy as a whole and each of its parts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from finetune.data.augmentation.family import FAMILY
from finetune.data.augmentation.mixing import mix_images, mix_plainly
from finetune.data.augmentation.policies import Switches
from finetune.data.images import load_rgb
from finetune.data.transforms import TrainingTransform
from finetune.errors import DataError, ImageError

N_IMAGES = 8
N_VERSIONS = 3
CELL_PX = 112
GAP_PX = 4
TITLE_PX = 160
FONT_PX = 13
AS_IT_IS = "as it is"
MOST_TRIED = 50


class Strip:
    """The images of a sheet with their places in the set, shrunk once for all rows."""

    def __init__(self, images: Sequence[tuple[int, Image.Image]]) -> None:
        self._images = images
        self._shrunk: dict[int | None, list[Image.Image]] = {}
        self.places = [place for place, _ in images]

    def shrunk(self, transform: TrainingTransform) -> list[Image.Image]:
        """Return what ``transform`` keeps of each image; all rows share their preprocessing."""
        if transform.enough_px not in self._shrunk:
            self._shrunk[transform.enough_px] = [transform.shrink(image) for _, image in self._images]
        return self._shrunk[transform.enough_px]


@dataclass(frozen=True)
class Row:
    """A row of the sheet: its title, what varies each image, and what mixes it with its neighbour to the left.

    ``epoch`` is whose draws are shown; None: the first that change the image.
    """

    title: str
    transform: TrainingTransform
    epoch: int | None = 0
    mixed: Switches = ()

    def draw(self, strip: Strip) -> list[Image.Image]:
        """Return the images as this row shows them, square and of one size."""
        plain = strip.shrunk(as_it_is(self.transform))
        smalls = strip.shrunk(self.transform)
        crops = [self._vary(*one) for one in zip(smalls, plain, strip.places, strict=True)]
        if not self.mixed:
            return crops
        if self.epoch is None:
            return mix_plainly(crops, self.mixed, MOST_TRIED)
        return mix_images(crops, self.mixed, self.transform.seed + self.epoch)[0]

    def _vary(self, small: Image.Image, plain: Image.Image, place: int) -> Image.Image:
        if not self.transform.is_augmented:
            return plain
        if self.epoch is not None:
            return self.transform.crop(small, epoch=self.epoch, index=place)
        versions = (self.transform.crop(small, epoch=epoch, index=place) for epoch in range(MOST_TRIED))
        return next((version for version in versions if version != plain), plain)


def as_it_is(transform: TrainingTransform) -> TrainingTransform:
    """Return the transform without augmentation."""
    return replace(transform, augmentation="none", switches=())


def rows_of(transform: TrainingTransform, mixed: Switches = ()) -> list[Row]:
    """Return the images as they are, the policy in three epochs, then each of its augmentations alone.

    What ``mixed`` names is in the policy's rows too. All is shown at the full size.
    """
    transform = replace(transform, growth=None)
    plain, strengths = as_it_is(transform), transform.strengths
    upright = (("rotation", 0.0),) if strengths.keeps_upright else ()
    title = _policy_title(transform, mixed)
    whole = [Row(f"{title}, epoch {epoch + 1}", transform, epoch, mixed) for epoch in range(N_VERSIONS)]
    alone = [
        *(Row(_title(*one), replace(plain, switches=(one, *upright)), None) for one in strengths.on),
        *(Row(_title(*one), plain, None, (one,)) for one in mixed),
    ]
    return [
        Row(AS_IT_IS, plain),
        *(whole if alone else ()),
        *(alone if len(alone) > 1 or mixed else ()),
    ]


def _policy_title(transform: TrainingTransform, mixed: Switches) -> str:
    named = transform.augmentation if transform.augmentation != "none" else "chosen"
    if not transform.is_augmented:
        return "mixed"
    return f"{named}, mixed" if mixed else named


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


def draw_sheet(paths: Sequence[Path], transform: TrainingTransform, mixed: Switches = ()) -> Sheet:
    """Draw `rows_of` the transform for up to eight of ``paths``, spread over them; one image keeps its column.

    Augmentations that mix images blend each with its neighbour to the left, the first with the last.

    Raises DataError where none of them can be read.
    """
    images, unreadable = readable(paths, N_IMAGES)
    rows, strip, cell = rows_of(transform, mixed), Strip(images), CELL_PX + GAP_PX
    sheet = Image.new("RGB", (TITLE_PX + len(images) * cell, len(rows) * cell), "white")
    drawing, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_PX)
    for line, row in enumerate(rows):
        drawing.text((GAP_PX, line * cell + CELL_PX // 2), row.title, "black", font, anchor="lm")
        for column, image in enumerate(row.draw(strip)):
            small = image.resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
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
