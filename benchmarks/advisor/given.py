"""Real images: the shared sets, and those that come with scikit-learn and scikit-image."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from common import data_set
from PIL import Image

from advisor.pictures import Labelled, Maker, Part

SIDE = 96
"""Larger photographs are reduced to this shorter side: training reads 64 px of them."""

CROPS = {"brick": "brick.png", "grass": "grass.png", "gravel": "gravel.png", "stars": "hubble_deep_field.jpg"}
CROPS |= {"tissue": "ihc.png", "moon": "moon.png", "print": "page.png", "retina": "retina.jpg"}


def zipped(name: str, *, test: str | None, seed: int = 0, test_share: float = 0.4) -> Maker:
    """Return a maker of a shared zip of class folders; ``test`` names its test folder, None draws a share."""

    def make() -> Iterator[Labelled]:
        random = np.random.default_rng(seed)
        with zipfile.ZipFile(data_set(f"{name}.zip")) as archive:
            for entry in sorted(archive.namelist()):
                path = PurePosixPath(entry)
                if entry.endswith("/") or path.name.startswith("."):
                    continue
                is_test = random.random() < test_share if test is None else test in path.parts
                try:
                    image = reduced(Image.open(io.BytesIO(archive.read(entry))))
                except OSError:
                    continue
                yield Labelled("test" if is_test else "train", path.parent.name, image)

    return make


def cifar() -> Iterator[Labelled]:
    """Yield the first 400 training and 100 test images of each of CIFAR-10's classes."""
    most: dict[Part, int] = {"train": 400, "test": 100}
    counts: dict[tuple[Part, str], int] = {}
    with tarfile.open(data_set("cifar10.tar.xz")) as archive:
        for member in archive:
            if not member.isfile():
                continue
            folder = PurePosixPath(member.name).parent
            part: Part = "test" if folder.parent.name == "test" else "train"
            key = part, folder.name
            if counts.get(key, 0) >= most[part]:
                continue
            counts[key] = counts.get(key, 0) + 1
            content = archive.extractfile(member)
            assert content is not None
            yield Labelled(part, folder.name, Image.open(io.BytesIO(content.read())).convert("RGB"))


def small_digits() -> Iterator[Labelled]:
    """Yield scikit-learn's handwritten digits, 8 x 8, the last 900 as the test."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for rank, (values, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        image = Image.fromarray((values * 255 / 16).astype(np.uint8)).convert("RGB")
        yield Labelled("train" if rank < len(digits.target) - 900 else "test", str(label), image)


def surfaces() -> Iterator[Labelled]:
    """Yield grey crops of eight of scikit-image's pictures, turned and scaled; the test's from other places."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    for number, (label, name) in enumerate(CROPS.items()):
        whole = Image.open(folder / name).convert("L")
        width, height = whole.size
        middle = int(0.6 * width)
        for part, total in (("train", 430), ("test", 125)):
            side: Part = "train" if part == "train" else "test"
            half = whole.crop((0, 0, middle, height) if part == "train" else (middle, 0, width, height))
            for rank in range(total):
                random = np.random.default_rng([11, number, rank, part == "test"])
                yield Labelled(side, label, _crop(half, random))


def _crop(image: Image.Image, random: np.random.Generator) -> Image.Image:
    size = int(random.integers(24, min(72, *image.size)))
    left, top = (int(random.integers(0, space - size + 1)) for space in image.size)
    crop = image.crop((left, top, left + size, top + size)).rotate(90 * int(random.integers(4)))
    values = np.asarray(crop.resize((64, 64), Image.Resampling.BICUBIC), np.float32)
    values = (values - values.mean()) / max(float(values.std()), 4.0)
    values = random.uniform(90, 160) + random.uniform(18, 45) * values + random.normal(0, 12, values.shape)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB")


def reduced(image: Image.Image) -> Image.Image:
    """Return the image in RGB with a shorter side of at most `SIDE`."""
    image = image.convert("RGB")
    scale = SIDE / min(image.size)
    if scale >= 1:
        return image
    return image.resize([max(SIDE, round(side * scale)) for side in image.size], Image.Resampling.BICUBIC)
