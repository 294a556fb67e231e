"""Every image format takes the whole way: found in a folder, sound to the health check, the same in training."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from drawing import draw_set, picture, save
from PIL import Image
from test_images import png

from finetune.data.health import inspect_source
from finetune.data.health.look import look_at
from finetune.data.images import load_rgb
from finetune.data.loading import TrainingDataset
from finetune.data.sources import open_source
from finetune.data.transforms import Preprocessing, TrainingTransform

SIZE = (96, 64)
COLOURS = picture(1, SIZE)
GREY = COLOURS.convert("L")
SIDE_PX = 32


def deep(path: Path) -> None:
    Image.fromarray(np.asarray(GREY, np.uint16) * 257).save(path)


def deep_colours(path: Path) -> None:
    """Pillow writes no such PNG: 16 bits of each channel, most significant byte first, a filter byte a row."""
    values = np.asarray(COLOURS, np.uint16) * 257
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in values)
    path.write_bytes(png((*SIZE, 16, 2), zlib.compress(rows)))


def deep_colours_tiff(path: Path) -> None:
    """Nor such a TIFF: one strip of 16-bit RGB behind a header and ten tags (TIFF 6.0, section 6)."""
    values = (np.asarray(COLOURS, np.uint16) * 257).astype("<u2").tobytes()
    bits_at, pixels_at = 8 + 2 + 10 * 12 + 4, 8 + 2 + 10 * 12 + 4 + 6
    short, long = 3, 4
    tags = [
        (256, short, 1, SIZE[0]),
        (257, short, 1, SIZE[1]),
        (258, short, 3, bits_at),
        (259, short, 1, 1),  # no compression
        (262, short, 1, 2),  # RGB
        (273, long, 1, pixels_at),
        (277, short, 1, 3),
        (278, short, 1, SIZE[1]),
        (279, long, 1, len(values)),
        (284, short, 1, 1),  # channels side by side
    ]
    entries = b"".join(struct.pack("<HHLL", *tag) for tag in tags)
    head = b"II*\x00" + struct.pack("<LH", 8, len(tags)) + entries + struct.pack("<L3H", 0, 16, 16, 16)
    path.write_bytes(head + values)


def for_print(path: Path) -> None:
    COLOURS.convert("CMYK").save(path, quality=95, subsampling=0)


def moving(path: Path) -> None:
    options = {"lossless": True} if path.suffix == ".webp" else {}
    COLOURS.save(path, save_all=True, append_images=[picture(2, SIZE), picture(3, SIZE)], **options)


def two_pictures(path: Path) -> None:
    COLOURS.save(path, "MPO", save_all=True, append_images=[picture(2, SIZE)], quality=95, subsampling=0)


def of_a_browser(path: Path) -> None:
    COLOURS.save(path, quality=95, subsampling="4:4:4")


def of_a_phone(path: Path) -> None:
    pillow_heif.register_heif_opener()
    COLOURS.save(path, "HEIF", quality=95, chroma=444)


WRITTEN: dict[str, tuple[str, Callable[[Path], None], Image.Image, str, str, int]] = {
    "16-bit PNG": (".png", deep, GREY, "PNG", "I;16", 0),
    "16-bit TIFF": (".tif", deep, GREY, "TIFF", "I;16", 0),
    "16-bit colour PNG": (".png", deep_colours, COLOURS, "PNG", "RGB", 0),
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
    write(path)
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
