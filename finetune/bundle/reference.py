"""Five images with the logits that they must give: a bundle tests itself against them when it is loaded.

What the hashes cannot see is a changed program: another version of timm, torch or Pillow that computes something
else from the same weights. The images are the user's own, or drawn where there are none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from finetune.data.images import load_rgb
from finetune.data.transforms import Preprocessing
from finetune.errors import ImageError, RunError
from finetune.model.inference import inferring
from finetune.model.tensors import save_tensors

REFERENCE = "reference.safetensors"
ORIGIN = "reference.json"
N_IMAGES = 5

TOLERANCE = 0.02
"""Largest difference of a logit, in shares of the largest expected one (at least 1).

It leaves room for a GPU's TF32, whose products keep 10 bits.
"""


@dataclass(frozen=True)
class References:
    """``pixels`` N x S x S x 3 uint8 and the N x K float32 ``logits`` that they gave in fp32.

    ``fingerprints`` are the SHA-256 of the files that the images come from, empty for drawn ones.
    """

    pixels: NDArray[np.uint8]
    logits: Tensor
    fingerprints: tuple[str, ...]

    @property
    def are_drawn(self) -> bool:
        """Whether no image of the user's is among them."""
        return not self.fingerprints

    def images(self) -> list[Image.Image]:
        """Return the images, RGB, to be put through the whole preprocessing."""
        return [Image.fromarray(pixels) for pixels in self.pixels]


def make_references(model: nn.Module, preprocessing: Preprocessing, paths: Sequence[Path] = ()) -> References:
    """Return the references of ``model``: the centre crops of the first readable ``paths``, else drawn pictures."""
    chosen: list[tuple[Image.Image, str]] = []
    for path in paths:
        if len(chosen) == N_IMAGES:
            break
        try:
            crop = preprocessing.resize_and_crop(load_rgb(path))
            chosen.append((crop, hashlib.sha256(path.read_bytes()).hexdigest()))
        except (ImageError, OSError):
            continue
    images = [image for image, _ in chosen] or [_drawn(n, preprocessing.image_size) for n in range(N_IMAGES)]
    return References(
        np.stack([np.asarray(image) for image in images]),
        _logits(model, preprocessing, images),
        tuple(digest for _, digest in chosen),
    )


def write_references(folder: Path, references: References) -> None:
    """Write them as two files of the bundle in ``folder``; raises ResourceError and OSError."""
    tensors = {"pixels": torch.from_numpy(references.pixels), "logits": references.logits}
    save_tensors(tensors, folder / REFERENCE)
    origin = {
        "images": "drawn" if references.are_drawn else "of the data set",
        "sha256": list(references.fingerprints),
    }
    (folder / ORIGIN).write_text(json.dumps(origin, indent=1) + "\n", encoding="utf-8")


def read_references(folder: Path) -> References | None:
    """Return those of the bundle in ``folder``, None where it has none; raises RunError for damaged ones."""
    if not (folder / REFERENCE).is_file():
        return None
    try:
        with safe_open(folder / REFERENCE, framework="pt") as file:
            pixels, logits = file.get_tensor("pixels"), file.get_tensor("logits")
        fingerprints = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))["sha256"]
        assert (pixels.dtype, pixels.ndim, logits.ndim) == (torch.uint8, 4, 2)
        return References(pixels.numpy(), logits, tuple(map(str, fingerprints)))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise RunError(f"the bundle {folder} is damaged ({REFERENCE}: {error}); write it again") from None


def refuse_mismatch(folder: Path, references: References, logits: Tensor) -> None:
    """Raise RunError unless ``logits``, computed in fp32, are those that the references gave before."""
    expected = references.logits
    largest = expected.abs().nan_to_num(0).max().clamp(min=1)
    if logits.shape == expected.shape and torch.allclose(
        logits, expected, rtol=0, atol=float(TOLERANCE * largest), equal_nan=True
    ):
        return
    difference = (
        f"differ by up to {float((logits - expected).abs().max()):.3g}"
        if logits.shape == expected.shape
        else "are of another number"
    )
    raise RunError(
        f"the bundle {folder} no longer gives the answers that it was written with (logits of its reference images "
        f"{difference}); use the versions in its report.json, or train again"
    )


@torch.no_grad()
def _logits(model: nn.Module, preprocessing: Preprocessing, images: Sequence[Image.Image]) -> Tensor:
    """Return N x K float32 logits; the modes of the model's layers are left as they were."""
    modes = {module: module.training for module in model.modules()}
    device = next(model.parameters()).device
    model.eval()
    try:
        with inferring("fp32", device):
            logits: Tensor = model(torch.stack([preprocessing(image) for image in images]).to(device))
    finally:
        for module, mode in modes.items():
            module.training = mode
    return logits.float().cpu().clone()


def _drawn(number: int, side_px: int) -> Image.Image:
    """Return a smooth picture of coloured patches."""
    patches = np.random.default_rng(number).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize((side_px, side_px), Image.Resampling.BICUBIC)
