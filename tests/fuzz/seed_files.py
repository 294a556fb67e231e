"""Small sound files of every kind that a user may hand in: what the damaged ones are made of."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from finetune.data.images import open_image

SIZE = (40, 28)


@dataclass(frozen=True)
class Seed:
    """A sound file: its ``name``, the ``content`` that is damaged, and how it is packed afterwards."""

    name: str
    content: bytes
    packed: Callable[[bytes], bytes] = bytes


def _picture(number: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(number).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(values).resize(SIZE).convert(mode)


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a long side"
    return exif


def image_seeds() -> list[Seed]:
    """Return images of each format in FORMATS, in the ways that have code of their own, and HEIF."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    deep = Image.fromarray(np.arange(SIZE[0] * SIZE[1], dtype=np.uint16).reshape(SIZE[::-1]) * 50)
    palette = _picture(4, "P")
    made = [
        ("plain.jpg", _picture(0), "JPEG", {}),
        ("progressive.jpg", _picture(1), "JPEG", {"progressive": True, "exif": _turned()}),
        ("print.jpg", _picture(5, "CMYK"), "JPEG", {}),
        ("grey.jpg", _picture(6, "L"), "JPEG", {}),
        ("two.mpo", _picture(7), "MPO", {"save_all": True, "append_images": [_picture(2), _picture(3)]}),
        ("plain.png", _picture(8), "PNG", {"exif": _turned()}),
        ("clear.png", _picture(9, "RGBA"), "PNG", {}),
        ("palette.png", palette, "PNG", {"transparency": 3}),
        ("deep.png", deep, "PNG", {}),
        ("moving.png", _picture(10), "PNG", {"save_all": True, "append_images": [_picture(2), _picture(3)]}),
        ("plain.webp", _picture(11), "WEBP", {"exif": _turned()}),
        ("exact.webp", _picture(12, "RGBA"), "WEBP", {"lossless": True}),
        (
            "moving.webp",
            _picture(13),
            "WEBP",
            {"save_all": True, "append_images": [_picture(2), _picture(3)]},
        ),
        ("plain.bmp", _picture(14), "BMP", {}),
        ("palette.bmp", _picture(15, "P"), "BMP", {}),
        ("plain.gif", _picture(16, "P"), "GIF", {}),
        ("moving.gif", _picture(17), "GIF", {"save_all": True, "append_images": [_picture(2), _picture(3)]}),
        ("plain.tif", _picture(18), "TIFF", {"exif": _turned()}),
        ("lzw.tif", _picture(19), "TIFF", {"compression": "tiff_lzw"}),
        ("deflate.tif", _picture(20, "L"), "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("jpeg.tif", _picture(21), "TIFF", {"compression": "jpeg"}),
        ("fax.tif", _picture(22, "1"), "TIFF", {"compression": "group4"}),
        ("deep.tif", deep, "TIFF", {}),
        ("pages.tif", _picture(23), "TIFF", {"save_all": True, "append_images": [_picture(2), _picture(3)]}),
        ("plain.avif", _picture(24), "AVIF", {}),
        ("clear.avif", _picture(25, "RGBA"), "AVIF", {}),
        ("plain.heic", _picture(26), "HEIF", {}),
    ]
    seeds = [Seed(name, _saved(image, form, **options)) for name, image, form, options in made]
    for seed in seeds:
        with open_image(io.BytesIO(seed.content)) as image:
            image.load()
    return seeds


FILES = {
    "ants/1.jpg": b"one " * 30,
    "ants/größe.jpg": b"",
    "bees/2.jpg": bytes(range(256)),
    "bees/日本/3.jpg": b"3",
}


def archive_seeds() -> list[Seed]:
    """Return zips and tars, plain and packed; of a packed tar the bytes below the packing are damaged as well."""
    tars = {form: _tar(form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)}
    plain = tars[tarfile.GNU_FORMAT]
    seeds = [
        Seed("stored.zip", _zip(zipfile.ZIP_STORED)),
        Seed("deflated.zip", _zip(zipfile.ZIP_DEFLATED)),
        Seed("folders.zip", _zip(zipfile.ZIP_DEFLATED, folders=True)),
        Seed("large.zip", _zip(zipfile.ZIP_STORED, zip64=True)),
        *(Seed(f"plain{form}.tar", content) for form, content in tars.items()),
    ]
    for ending, pack in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        seeds.append(Seed(f"packed.tar.{ending}", pack(plain)))
        seeds.append(Seed(f"inside.tar.{ending}", tars[tarfile.PAX_FORMAT], pack))
    return seeds


def _zip(method: int, *, folders: bool = False, zip64: bool = False) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        if folders:
            archive.mkdir("ants")
        for name, content in FILES.items():
            with archive.open(name, "w", force_zip64=zip64) as file:
                file.write(content)
    return stream.getvalue()


def _tar(form: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        long_name = {"bees/" + "long" * 40 + ".jpg": b"long"} if form != tarfile.USTAR_FORMAT else {}
        for name, content in {**FILES, **long_name}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()
