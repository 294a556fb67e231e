"""From a decoded RGB image to a normalised tensor: one path for validation and prediction, one for training.

`Preprocessing` is the value that travels with a model. Its path is full decode, orientation, RGB, resize on
uint8 with antialiasing, centre crop, float, normalise. Training may decode a JPEG at a smaller scale, shrinks
the image once to a little more than the network needs, and varies that anew in each epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from finetune.data.augmentation.policies import PolicyName, Strengths, Switches, strengths_of
from finetune.data.growth import Growth

Rgb = tuple[float, float, float]
Augmentation = PolicyName

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

# Milder than Inception's 3/4 to 4/3 (Szegedy et al. 2015).
CROP_RATIO = (0.8, 1.25)
CROP_TRIES = 10

# The smallest crops are hardly enlarged where they are 0.88 of the input's side: half of the area of a square image
# that is 1.25 times as wide. Beyond twice as wide, decoding and keeping would cost more than the detail is worth.
SMALLEST_CROP = 1.25 * math.sqrt(0.5)
SHRUNK_TO = (1.25, 2.0)

LONGEST_ASPECT = 8
MOST_PX = 4096
"""The longest side of an input, and of what it is cropped from; four times what a recipe allows."""

MOST_EPOCHS = 10_000
"""A recipe allows no more; numbers beyond stand for an image's second and later draws in an epoch."""


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a network's input.

    ``image_size`` is the side in pixels; ``mean`` and ``std`` are per RGB channel on the 0 to 1 scale;
    ``interpolation`` is ``bilinear`` or ``bicubic``; ``crop`` is the share of the resized shorter side kept.
    ``shorter_side`` is that side in pixels where it is not what timm's ``create_transform`` makes of ``crop``.
    """

    image_size: int
    mean: Rgb
    std: Rgb
    interpolation: Literal["bilinear", "bicubic"]
    crop: float
    shorter_side: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no image can be prepared by; it may come from a file."""
        channels = len(self.mean) == len(self.std) == 3 and min(self.std) > 0
        sides = 0 < self.image_size <= MOST_PX and self.crop > 0 and 0 < self.resize_to <= MOST_PX
        if not (sides and self.interpolation in _FILTERS and channels):
            raise ValueError(f"no image can be prepared by {self}")

    @property
    def resize_to(self) -> int:
        """Return the side in pixels that the shorter side is resized to before the centre crop."""
        return math.floor(self.image_size / self.crop) if self.shorter_side is None else self.shorter_side

    def to_json(self) -> dict[str, Any]:
        """Return the fields, and the shorter side as it is, as JSON-ready values."""
        fields = asdict(self)
        del fields["shorter_side"]
        return {**fields, "resize_to": self.resize_to}

    def resize_and_crop(self, image: Image.Image) -> Image.Image:
        """Return the centre crop, ``image_size`` pixels square, of an RGB ``image`` of any size."""
        image = _without_far_ends(image)
        resized_to, (left, top) = self._resized(image.size)
        resized = image.resize(resized_to, _FILTERS[self.interpolation])
        return resized.crop((left, top, left + self.image_size, top + self.image_size))

    def field_of_view(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of what `resize_and_crop` keeps, in pixels of the upright image.

        ``size`` is the image's width and height.
        """
        far_left, far_top, right, bottom = _without_far_ends_box(size)
        kept = right - far_left, bottom - far_top
        (width, height), (left, top) = self._resized(kept)
        across, down = kept[0] / width, kept[1] / height
        return (
            far_left + left * across,
            far_top + top * down,
            far_left + (left + self.image_size) * across,
            far_top + (top + self.image_size) * down,
        )

    def _resized(self, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return width and height that an image of ``size`` is resized to, and left and top of the centre crop."""
        scale = self.resize_to / min(size)
        width, height = (max(self.image_size, round(side * scale)) for side in size)
        return (width, height), ((width - self.image_size) // 2, (height - self.image_size) // 2)

    def normalise(self, image: Image.Image) -> Tensor:
        """Return 3 x H x W float32, (value / 255 - mean) / std per channel."""
        return self.normalise_batch(np.array(image, dtype=np.uint8)[None])[0]

    def normalise_batch(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return B x 3 x H x W float32 in channels-last order for B x H x W x 3 ``pixels``."""
        n_images, height, width, channels = pixels.shape
        # Whole rows at once: three times as fast as statistics that repeat every three values.
        mean, std = (torch.tensor(values).repeat(width) for values in (self.mean, self.std))
        rows = torch.from_numpy(pixels).float().div_(255).view(n_images, height, width * channels)
        return rows.sub_(mean).div_(std).view(n_images, height, width, channels).permute(0, 3, 1, 2)

    def __call__(self, image: Image.Image) -> Tensor:
        """Return the network's input for an RGB ``image``: 3 x ``image_size`` x ``image_size``, float32."""
        return self.normalise(self.resize_and_crop(image))


def _without_far_ends(image: Image.Image) -> Image.Image:
    """Cut a very long image to its middle; a centre crop shows no more, and resized it could fill the memory."""
    box = _without_far_ends_box(image.size)
    return image if box == (0, 0, *image.size) else image.crop(box)


def _without_far_ends_box(size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the middle that is kept of an image of width and height ``size``."""
    longest = LONGEST_ASPECT * min(size)
    left, top = (max(0, side - longest) // 2 for side in size)
    return left, top, min(size[0], left + longest), min(size[1], top + longest)


@dataclass(frozen=True)
class TrainingTransform:
    """The training path: what the policy ``augmentation`` and ``switches`` do, repeatable by seed.

    The same (seed, epoch, index) gives the same tensor whatever the number of loader processes, and whether
    or not the shrunk image was kept. Without augmentation it is the measuring path. With ``growth`` the images of
    early epochs are smaller.
    """

    preprocessing: Preprocessing
    augmentation: Augmentation
    seed: int
    growth: Growth | None = None
    switches: Switches = ()

    @cached_property
    def strengths(self) -> Strengths:
        """Return what is done to an image, and how strongly."""
        return strengths_of(self.augmentation, self.switches)

    @property
    def is_augmented(self) -> bool:
        """Whether an image varies from epoch to epoch."""
        return bool(self.strengths)

    @property
    def key(self) -> dict[str, Any]:
        """Return what decides the pixels beside preprocessing, epoch and index, ready for JSON; {} where nothing."""
        return {"seed": self.seed, "augmentation": self.strengths.to_json()} if self.is_augmented else {}

    def side(self, epoch: int) -> int:
        """Return the side in pixels of the crops of ``epoch``."""
        return self.preprocessing.image_size if self.growth is None else self.growth.side(epoch % MOST_EPOCHS)

    @cached_property
    def enough_px(self) -> int | None:
        """Return the shorter side that is enough to decode, or None where the image is needed in full."""
        if not self.strengths["crop"]:
            return None
        least, most = SHRUNK_TO
        wanted = SMALLEST_CROP / math.sqrt(1 - self.strengths["crop"])
        return round(min(max(least, wanted), most) * self.preprocessing.image_size)

    def shrink(self, image: Image.Image) -> Image.Image:
        """Return what is the same in every epoch: the shorter side at most `enough_px`, or the centre crop."""
        if self.enough_px is None:
            return self.preprocessing.resize_and_crop(image)
        image = _without_far_ends(image)
        scale = self.enough_px / min(image.size)
        if scale >= 1:
            return image
        width, height = (round(side * scale) for side in image.size)
        return image.resize((width, height), _FILTERS[self.preprocessing.interpolation])

    def crop(self, shrunk: Image.Image, *, epoch: int, index: int) -> Image.Image:
        """Return a ``shrunk`` image as (``epoch``, ``index``) varies it, ``side(epoch)`` pixels square."""
        side, interpolation = self.side(epoch), _FILTERS[self.preprocessing.interpolation]
        if not self.is_augmented:
            return shrunk if shrunk.width == side else shrunk.resize((side, side), interpolation)
        draws, key = _draws(self.seed, epoch, index)
        box = _crop_box(shrunk.size, self.strengths["crop"], draws) if self.strengths["crop"] else None
        crop = shrunk.resize((side, side), interpolation, box=box)
        if self.strengths["hflip"] and draws[-1] < 0.5:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return self._varied(crop, key)

    def _varied(self, crop: Image.Image, key: int) -> Image.Image:
        if not set(self.strengths) - {"crop", "hflip"}:
            return crop
        # torchvision takes a second to import, and the plain policies need none of it.
        from finetune.data.augmentation.compose import steps_of

        return steps_of(self.strengths, crop.width, self.preprocessing.mean)(crop, key)

    def augment(self, image: Image.Image, *, epoch: int, index: int) -> Image.Image:
        """Return the augmented crop of an RGB ``image`` of any size, ``side(epoch)`` pixels square."""
        return self.crop(self.shrink(image), epoch=epoch, index=index)

    def __call__(self, image: Image.Image, *, epoch: int, index: int) -> Tensor:
        """Return the network's input, 3 x ``side(epoch)`` x ``side(epoch)``, float32."""
        return self.preprocessing.normalise(self.augment(image, epoch=epoch, index=index))


def _draws(seed: int, epoch: int, index: int) -> tuple[list[float], int]:
    """Return what one crop and flip need, in [0, 1), and a key of 63 bits for all else.

    Philox counts in ``index`` under a key for each epoch.

    Counters of two images differ in their upper half, so that their streams never meet (Salmon et al.,
    SC 2011). ``index`` may have up to 63 bits.
    """
    stream = np.random.Philox(key=(seed << 64) | epoch, counter=index << 128)
    generator = np.random.Generator(stream)
    draws: list[float] = generator.random(4 * CROP_TRIES + 1).tolist()
    return draws, int(generator.integers(2**63))


def _crop_box(
    size: tuple[int, int], most_cut: float, draws: Sequence[float]
) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of the first drawn shape that fits, else of the whole image.

    At most the share ``most_cut`` of the area is cut away.
    """
    width, height = size
    least_ratio, most_ratio = map(math.log, CROP_RATIO)
    for first in range(0, 4 * CROP_TRIES, 4):
        for_area, for_ratio, for_left, for_top = draws[first : first + 4]
        area = width * height * (1 - most_cut + most_cut * for_area)
        ratio = math.exp(least_ratio + (most_ratio - least_ratio) * for_ratio)
        across, down = math.sqrt(area * ratio), math.sqrt(area / ratio)
        if across <= width and down <= height:
            left, top = for_left * (width - across), for_top * (height - down)
            return left, top, left + across, top + down
    return _middle(size)


def _middle(size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the largest box in the middle whose shape a crop may have."""
    width, height = size
    across = min(width, height * CROP_RATIO[1])
    down = min(height, width / CROP_RATIO[0])
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down
