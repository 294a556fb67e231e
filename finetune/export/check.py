"""From file to label through the bundle and through the exported file: how often they differ, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from finetune.bundle.bundle import Bundle
from finetune.data.images import load_rgb
from finetune.errors import ImageError
from finetune.export.session import open_session, run_image
from finetune.progress import Advance

BATCH = 8


@dataclass(frozen=True)
class Sample:
    """An image to compare on: its name, where it is (or itself), and its label where that is known."""

    name: str
    image: Path | Image.Image
    label: str | None = None

    def read(self) -> Image.Image:
        """Return the RGB image; raises ImageError."""
        return load_rgb(self.image) if isinstance(self.image, Path) else self.image


@dataclass(frozen=True)
class Flip:
    """An image that gets another label: the bundle's and the exported file's."""

    name: str
    bundle: str
    exported: str


@dataclass(frozen=True)
class Parity:
    """``n_images`` were compared; ``max_abs_dlogit`` is the largest difference of any logit.

    ``accuracy`` is the share of right labels, of the bundle and of the exported file, where labels are known.
    ``unreadable`` are the names of images that could not be, each with why.
    """

    n_images: int
    flips: tuple[Flip, ...]
    max_abs_dlogit: float
    accuracy: tuple[float, float] | None
    unreadable: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the values under the stable keys of ``export --json``."""
        bundle, exported = self.accuracy or (None, None)
        return {
            "checked": self.n_images,
            "flips": len(self.flips),
            "max_abs_dlogit": self.max_abs_dlogit,
            "flipped": [vars(flip) for flip in self.flips],
            "accuracy_bundle": bundle,
            "accuracy_exported": exported,
        }


def compare(
    bundle: Bundle, exported: Path, samples: Sequence[Sample], *, advance: Advance | None = None
) -> Parity:
    """Return how the ONNX file ``exported`` answers beside ``bundle`` computing in fp32, on readable ``samples``.

    Raises RunError for a file that ONNX Runtime does not take.
    """
    session, exact = open_session(exported), replace(bundle, precision="fp32")
    expected, found, used, unreadable = [], [], [], []
    for start in range(0, len(samples), BATCH):
        inputs = []
        for sample in samples[start : start + BATCH]:
            try:
                image = sample.read()
            except ImageError as error:
                unreadable.append(f"{sample.name} {str(error).removeprefix(f'{sample.image} ')}")
                continue
            inputs.append(bundle.preprocessing(image))
            found.append(run_image(session, image)[1])
            used.append(sample)
        if inputs:
            expected.append(exact.logits(torch.stack(inputs)).numpy())
        if advance is not None:
            advance(min(start + BATCH, len(samples)), len(samples))
    if not used:
        return Parity(0, (), 0.0, None, tuple(unreadable))
    return _parity(bundle, used, np.concatenate(expected), np.stack(found), tuple(unreadable))


def _parity(
    bundle: Bundle, samples: Sequence[Sample], expected: Any, found: Any, unreadable: tuple[str, ...]
) -> Parity:
    names = bundle.class_names
    pairs = [(names[int(a)], names[int(b)]) for a, b in zip(expected.argmax(1), found.argmax(1), strict=True)]
    flips = [Flip(s.name, a, b) for s, (a, b) in zip(samples, pairs, strict=True) if a != b]
    labelled = [(s.label, pair) for s, pair in zip(samples, pairs, strict=True) if s.label in names]
    accuracy = None
    if labelled:
        right = [sum(label == pair[i] for label, pair in labelled) / len(labelled) for i in (0, 1)]
        accuracy = (right[0], right[1])
    return Parity(len(samples), tuple(flips), float(np.abs(expected - found).max()), accuracy, unreadable)
