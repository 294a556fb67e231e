"""From strengths to what is done to a crop: torchvision's v2 transforms of bytes, repeatable by a key.

Forms and colours are changed on a Pillow image, where torchvision takes half of the time that it takes on a tensor of
bytes; blur, noise and erasing on the tensor. Everything is drawn from torch's generator for the processor, which is
seeded by the key and put back afterwards, and computed in one thread: the same key gives the same bits whatever the
number of threads or loader processes.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F  # noqa: N812 - torch's own convention

from finetune.data.augmentation.policies import Strengths

Rgb = tuple[float, float, float]

HALF = 0.5
"""The share of images that perspective and blur are applied to; the others keep their form and sharpness."""

MARGIN = 0.5
"""Most of a side that an image is mirrored beyond its edges; what the widest moves still leave empty is filled."""

ERASED_AREA = (0.02, 0.2)
ERASED_RATIO = (0.3, 3.3)
"""Zhong et al. (AAAI 2020), but for the largest area, 0.4 there: most of an object should be left."""

LEAST_SIGMA_PX = 0.1

_one_at_a_time = threading.RLock()


@dataclass(frozen=True)
class _Blur:
    """A Gaussian blur in two passes: the cost of a large one grows with its radius, not with its square."""

    most_sigma_px: float

    def __call__(self, image: Tensor) -> Tensor:
        most = max(self.most_sigma_px, 2 * LEAST_SIGMA_PX)
        sigma = torch.empty(1).uniform_(LEAST_SIGMA_PX, most).item()
        kernel = 2 * math.ceil(2 * sigma) + 1
        across = F.gaussian_blur(image, [kernel, 1], [sigma, sigma])
        blurred: Tensor = F.gaussian_blur(across, [1, kernel], [sigma, sigma])
        return blurred


@dataclass(frozen=True)
class Steps:
    """What is done to a crop after the horizontal flip: first ``on_image``, then ``on_bytes``; None for nothing."""

    on_image: v2.Compose | None
    on_bytes: v2.Compose | None

    def __call__(self, image: Image.Image, key: int) -> Image.Image:
        """Return a square RGB ``image`` as ``key``, of 64 bits, draws it."""
        if self.on_image is None and self.on_bytes is None:
            return image
        with drawing(key):
            varied: Image.Image = image if self.on_image is None else self.on_image(image)
            if self.on_bytes is None:
                return varied
            pixels = torch.from_numpy(np.array(varied)).permute(2, 0, 1).contiguous()
            done: Tensor = self.on_bytes(pixels)
            return Image.fromarray(done.permute(1, 2, 0).contiguous().numpy())


@functools.lru_cache(maxsize=64)
def steps_of(strengths: Strengths, side: int, mean: Rgb) -> Steps:
    """Return what is done to crops of ``side`` x ``side`` pixels.

    ``mean``, per channel on the 0 to 1 scale, fills what is erased or left empty: the network sees 0 there.
    """
    fill = [float(round(255 * value)) for value in mean]
    on_image = [*_geometry(strengths, side, fill), *_drawn(strengths, fill), *_colour(strengths)]
    on_bytes = [*_texture(strengths, side, fill)]
    return Steps(v2.Compose(on_image) if on_image else None, v2.Compose(on_bytes) if on_bytes else None)


def _geometry(strengths: Strengths, side: int, fill: Sequence[float]) -> Iterator[v2.Transform]:
    """Turn, move and bend an image that is mirrored beyond its edges, so that no corner is left empty."""
    if strengths["vflip"]:
        yield v2.RandomVerticalFlip(HALF)
    margin = math.ceil(_reach(strengths) * side)
    if margin:
        yield v2.Pad(margin, padding_mode="reflect")
        yield from _moves(strengths, side / (side + 2 * margin), fill)
        yield v2.CenterCrop(side)


def _moves(strengths: Strengths, share: float, fill: Sequence[float]) -> Iterator[v2.Transform]:
    """Yield affine and perspective for an image of whose side the crop is ``share``."""
    if any(strengths[name] for name in ("rotation", "translate", "scale", "shear")):
        scale, shift, shear = strengths["scale"], strengths["translate"] * share, strengths["shear"]
        yield v2.RandomAffine(
            strengths["rotation"],
            translate=(shift, shift) if shift else None,
            scale=(1 - scale, 1 + scale) if scale else None,
            shear=(-shear, shear, -shear, shear) if shear else None,
            interpolation=v2.InterpolationMode.BILINEAR,
            fill=fill,
        )
    if strengths["perspective"]:
        yield v2.RandomPerspective(strengths["perspective"], p=HALF, fill=fill)


def _reach(strengths: Strengths) -> float:
    """Return how far beyond the crop's edges its new corners may lie, as a share of its side, at most `MARGIN`."""
    angle = math.radians(min(strengths["rotation"], 45))
    turned = (math.cos(angle) + math.sin(angle) - 1) / 2
    sheared = math.tan(math.radians(strengths["shear"])) / 2
    shrunk = (1 / (1 - strengths["scale"]) - 1) / 2
    # A corner moves by up to this share of half of the whole, mirrored part included.
    bent = strengths["perspective"] / 2 / max(MARGIN, 1 - strengths["perspective"])
    return min(MARGIN, turned + sheared + shrunk + strengths["translate"] + bent)


def _drawn(strengths: Strengths, fill: Sequence[float]) -> Iterator[v2.Transform]:
    bilinear = v2.InterpolationMode.BILINEAR
    if strengths["trivial_augment"]:
        yield _upright(v2.TrivialAugmentWide(interpolation=bilinear, fill=fill), strengths)
    if strengths["rand_augment"]:
        magnitude = int(strengths["rand_augment"])
        yield _upright(v2.RandAugment(magnitude=magnitude, interpolation=bilinear, fill=fill), strengths)


def _upright(drawn: Any, strengths: Strengths) -> Any:
    """Take the rotation out of what ``drawn`` draws from, where rotation was switched off."""
    if strengths.keeps_upright:
        space = drawn._AUGMENTATION_SPACE
        drawn._AUGMENTATION_SPACE = {name: row for name, row in space.items() if name != "Rotate"}
    return drawn


def _colour(strengths: Strengths) -> Iterator[v2.Transform]:
    jitter = {name: strengths[name] for name in ("brightness", "contrast", "saturation", "hue")}
    if any(jitter.values()):
        yield v2.ColorJitter(**{name: value or None for name, value in jitter.items()})


def _texture(strengths: Strengths, side: int, fill: Sequence[float]) -> Iterator[v2.Transform]:
    if strengths["blur"]:
        yield v2.RandomApply([_Blur(strengths["blur"] * side)], p=HALF)
    if strengths["noise"]:
        yield v2.GaussianNoise(sigma=strengths["noise"])
    if strengths["erasing"]:
        yield v2.RandomErasing(strengths["erasing"], ERASED_AREA, ERASED_RATIO, value=fill)


@contextmanager
def drawing(key: int) -> Iterator[None]:
    """Have torch draw from ``key`` alone, in one thread; nobody outside sees that it drew.

    The generator is the process's own, so threads take turns.
    """
    with _one_at_a_time:
        state, n_threads = torch.get_rng_state(), torch.get_num_threads()
        if n_threads > 1:
            torch.set_num_threads(1)
        try:
            torch.default_generator.manual_seed(key)
            yield
        finally:
            torch.set_rng_state(state)
            if n_threads > 1:
                torch.set_num_threads(n_threads)
