"""Mix the images of a batch, and their targets alike: torchvision's mixup and CutMix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from finetune.data.augmentation.compose import drawing
from finetune.data.augmentation.policies import Switches

Mixing = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

PLAIN = 0.25
"""How far from a half the share of an image's own may lie where a sheet shows what mixing does."""


def mixing_of(mixed: Switches, *, n_classes: int) -> Mixing | None:
    """Return mixup (Zhang et al., ICLR 2018) or CutMix (Yun et al., ICCV 2019), None where neither is chosen.

    It takes B x C x H x W images and B targets in [0, K), and returns each image mixed with the one before it in
    the batch, and B x K shares. Where both are chosen, each batch gets one of them at random. Draws from torch's own
    generator on the CPU.
    """
    if not mixed:
        return None
    from torchvision.transforms import v2

    kinds = {"mixup": v2.MixUp, "cutmix": v2.CutMix}
    chosen = [kinds[name](alpha=alpha, num_classes=n_classes) for name, alpha in mixed]
    mixing: Mixing = chosen[0] if len(chosen) == 1 else v2.RandomChoice(chosen)
    return mixing


def mix_images(images: Sequence[Image.Image], mixed: Switches, key: int) -> tuple[list[Image.Image], float]:
    """Return RGB ``images`` of one size mixed as ``key`` draws it, and the share that is each image's own."""
    mixing = mixing_of(mixed, n_classes=len(images))
    assert mixing is not None
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2).float()
    with drawing(key):
        blended, shares = mixing(pixels, torch.arange(len(images)))
    rows = blended.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    return [Image.fromarray(row) for row in rows], shares[0, 0].item()


def mix_plainly(images: Sequence[Image.Image], mixed: Switches, n_tries: int) -> list[Image.Image]:
    """Return ``images`` mixed by the first of ``n_tries`` draws that shows both of a pair, else by the best."""
    best, least = list(images), 1.0
    for key in range(n_tries):
        found, own = mix_images(images, mixed, key)
        if abs(own - 0.5) < least:
            best, least = found, abs(own - 0.5)
        if least <= PLAIN:
            break
    return best
