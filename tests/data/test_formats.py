"""Every image format takes the whole way: found in a folder, sound to the health check, the same in training."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from drawing import draw_set, picture, save
from odd_images import SIZE, deep_colours_png, deep_colours_tiff, deep_grey, for_print, moving
from PIL import Image

from finetune.data.health import inspect_source
from finetune.data.health.look import look_at
from finetune.data.images import load_rgb
from finetune.data.loading import TrainingDataset
from finetune.data.sources import open_source
from finetune.data.transforms import Preprocessing, TrainingTransform

COLOURS = picture(1, SIZE)
GREY = COLOURS.convert("L")
SIDE_PX = 32


def two_pictures(image: Image.Image, path: Path) -> None:
    image.save(path, "MPO", save_all=True, append_images=[picture(2, SIZE)], quality=95, subsampling=0)


def of_a_browser(image: Image.Image, path: Path) -> None:
    image.save(path, quality=95, subsampling="4:4:4")


def of_a_phone(image: Image.Image, path: Path) -> None:
    pillow_heif.register_heif_opener()
    image.save(path, "HEIF", quality=95, chroma=444)


WRITTEN: dict[str, tuple[str, Callable[[Image.Image, Path], object], Image.Image, str, str, int]] = {
    "16-bit PNG": (".png", deep_grey, GREY, "PNG", "I;16", 0),
    "16-bit TIFF": (".tif", deep_grey, GREY, "TIFF", "I;16", 0),
    "16-bit colour PNG": (".png", deep_colours_png, COLOURS, "PNG", "RGB", 0),
    "16-bit colour TIFF": (".tiff", deep_colours_tiff, COLOURS, "TIFF", "RGB", 0),
    "CMYK JPEG": (".jpg", for_print, COLOURS, "JPEG", "CMYK", 6),
    "MPO": (".mpo", two_pictures, COLOURS, "JPEG", "RGB", 6),
    "MPO named JPEG": (".jpg", two_pictures, COLOURS, "JPEG", "RGB", 6),
    "animated GIF": (".gif", moving, COLOURS, "GIF", "P", 0),
    "animated WebP": (".webp", moving, COLOURS, "WEBP", "RGBA", 0),
    "animated PNG": (".png", moving, COLOURS, "PNG", "RGB", 0),
    "many-page TIFF": (".tif", moving, COLOURS, "TIFF", "RGB", 0),
    "AVIF": (".avif", of_a_browser, COLOURS, "AVIF", "RGB", 6),
    "HEIC": (".heic", of_a_phone, COLOURS, "HEIF", "RGB", 6),
}
"""Ending, writer, what a person sees, format and mode as the facts tell them, and the mean error in values."""


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_format_is_found_sound_and_the_same_picture_in_training(tmp_path: Path, kind: str) -> None:
    suffix, write, seen, format_, mode, error = WRITTEN[kind]
    root = draw_set(tmp_path / "set", {"ants": 3, "bees": 3})
    path = root / "ants" / f"odd{suffix}"
    write(COLOURS, path)
    source = open_source(root)
    assert path in [image.path for image in source.images]

    report = inspect_source(source)
    assert report.usable
    assert report.quarantine == ()
    facts = report.facts[f"ants/odd{suffix}"]
    assert (facts.format, facts.width_px, facts.height_px) == (format_, *SIZE)
    assert facts.mode == mode
    assert "wrong-extension" not in {finding.kind for finding in report.findings}

    rgb, expected = load_rgb(path), seen.convert("RGB")
    assert mean_error(rgb, expected) <= error
    (look, _), (right, _) = look_at(rgb), look_at(expected)
    assert look.mean == pytest.approx(right.mean, abs=max(error / 255, 1e-9))
    assert mean_error(trained_on(path), trained_on(save(expected, tmp_path / "same.png"))) <= error


def trained_on(path: Path) -> Image.Image:
    """The pixels that an epoch without augmentation shows of ``path``."""
    half = (0.5, 0.5, 0.5)
    transform = TrainingTransform(Preprocessing(SIDE_PX, half, half, "bilinear", 1.0), "none", 0)
    return Image.fromarray(TrainingDataset([path], [0], transform).crop(0, epoch=0, number=0))


def mean_error(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    assert one.mode == other.mode == "RGB"
    return float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean())
