"""From a decoded RGB image to a normalised tensor: one path for validation and prediction, one for training.

`Preprocessing` is the value that travels with a model. Its path is full decode, orientation, RGB, resize on
uint8 with antialiasing, centre crop, float, normalise; training adds random crops and flips on the same uint8.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

Rgb = tuple[float, float, float]
Augmentation = Literal["none", "crop", "crop-flip"]

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}

# Half to all of the area at mild aspect ratios: Inception's crop (Szegedy et al. 2015) with a larger least
# area, which suits fine-tuning on few images better than the 8 % made for ImageNet.
CROP_AREA = (0.5, 1.0)
CROP_RATIO = (0.8, 1.25)

LONGEST_ASPECT = 8


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes a network's input.

    ``image_size`` is the side in pixels; ``mean`` and ``std`` are per RGB channel on the 0 to 1 scale;
    ``interpolation`` is ``bilinear`` or ``bicubic``; ``crop`` is the share of the resized shorter side kept.
    """

    image_size: int
    mean: Rgb
    std: Rgb
    interpolation: Literal["bilinear", "bicubic"]
    crop: float

    def __post_init__(self) -> None:
        """Refuse what no image can be prepared by; it may come from a file."""
        channels = len(self.mean) == len(self.std) == 3 and min(self.std) > 0
        if not (self.image_size > 0 and self.crop > 0 and self.interpolation in _FILTERS and channels):
            raise ValueError(f"no image can be prepared by {self}")

    @property
    def resize_to(self) -> int:
        """Return the side in pixels that the shorter side is resized to before the centre crop."""
        return round(self.image_size / self.crop)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return asdict(self)

    def resize_and_crop(self, image: Image.Image) -> Image.Image:
        """Return the centre crop, ``image_size`` pixels square, of an RGB ``image`` of any size."""
        image = _without_far_ends(image)
        scale = self.resize_to / min(image.size)
        width, height = (max(self.image_size, round(side * scale)) for side in image.size)
        left, top = (width - self.image_size) // 2, (height - self.image_size) // 2
        resized = image.resize((width, height), _FILTERS[self.interpolation])
        return resized.crop((left, top, left + self.image_size, top + self.image_size))

    def normalise(self, image: Image.Image) -> Tensor:
        """Return 3 x H x W float32, (value / 255 - mean) / std per channel."""
        pixels = torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1).float().div_(255)
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        return (pixels - mean) / std

    def __call__(self, image: Image.Image) -> Tensor:
        """Return the network's input for an RGB ``image``: 3 x ``image_size`` x ``image_size``, float32."""
        return self.normalise(self.resize_and_crop(image))


def _without_far_ends(image: Image.Image) -> Image.Image:
    """Cut a very long image to its middle; a centre crop shows no more, and resized it could fill the memory."""
    longest = LONGEST_ASPECT * min(image.size)
    if max(image.size) <= longest:
        return image
    left, top = (max(0, side - longest) // 2 for side in image.size)
    return image.crop((left, top, min(image.width, left + longest), min(image.height, top + longest)))


@dataclass(frozen=True)
class TrainingTransform:
    """The training path: a random crop (and flip) instead of the centre crop, repeatable by seed.

    The same (seed, epoch, index) gives the same tensor whatever the number of loader processes.
    """

    preprocessing: Preprocessing
    augmentation: Augmentation
    seed: int

    def augment(self, image: Image.Image, *, epoch: int, index: int) -> Image.Image:
        """Return the augmented RGB crop, ``image_size`` pixels square."""
        if self.augmentation == "none":
            return self.preprocessing.resize_and_crop(image)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_mix(self.seed, epoch, index))
            top, left, height, width = v2.RandomResizedCrop.get_params(
                image, list(CROP_AREA), list(CROP_RATIO)
            )
            flip = self.augmentation == "crop-flip" and bool(torch.rand(()) < 0.5)
        size = self.preprocessing.image_size
        box = (left, top, left + width, top + height)
        crop = image.resize((size, size), _FILTERS[self.preprocessing.interpolation], box=box)
        return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else crop

    def __call__(self, image: Image.Image, *, epoch: int, index: int) -> Tensor:
        """Return the network's input, 3 x ``image_size`` x ``image_size``, float32."""
        return self.preprocessing.normalise(self.augment(image, epoch=epoch, index=index))


def _mix(seed: int, epoch: int, index: int) -> int:
    """Return a 63-bit seed that differs for every (seed, epoch, index)."""
    words = np.random.SeedSequence((seed, epoch, index)).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))
