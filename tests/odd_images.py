"""Odd image files and what must become of each: the picture that a person sees, or one sentence."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from drawing import picture, save
from PIL import Image

SIZE = (96, 64)
TURNED_BY = 6
"""The EXIF orientation of a phone held upright: stored lying on its left side."""

Picture = Image.Image


@dataclass(frozen=True)
class Odd:
    """A file called ``name``: ``image``, RGB, in the odd way that ``write`` has.

    Either it shows what ``shown`` makes of the image, but for a mean error of ``off`` values, or it is ``refused``
    with these words.
    """

    name: str
    write: Callable[[Picture, Path], object]
    image: Picture
    shown: Callable[[Picture], Picture] = Image.Image.copy
    off: float = 0
    refused: str = ""

    def make(self, folder: Path) -> Path:
        """Write it into ``folder`` and return where it lies."""
        self.write(self.image, folder / self.name)
        return folder / self.name

    @property
    def seen(self) -> Picture:
        """What a person sees."""
        return self.shown(self.image)


def png(header: tuple[int, ...], packed_pixels: bytes) -> bytes:
    """A PNG of ``header`` = (width, height, bit depth, colour type)."""
    chunks = [(b"IHDR", struct.pack(">2L5B", *header, 0, 0, 0)), (b"IDAT", packed_pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def deep_colours_png(image: Picture, path: Path) -> None:
    """Pillow writes no such PNG: 16 bits of each channel, most significant byte first, a filter byte a row."""
    values = np.asarray(image, np.uint16) * 257
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in values)
    path.write_bytes(png((*image.size, 16, 2), zlib.compress(rows)))


def deep_colours_tiff(image: Picture, path: Path) -> None:
    """Nor such a TIFF: one strip of 16-bit RGB behind a header and ten tags (TIFF 6.0, section 6)."""
    values = (np.asarray(image, np.uint16) * 257).astype("<u2").tobytes()
    bits_at, pixels_at = 8 + 2 + 10 * 12 + 4, 8 + 2 + 10 * 12 + 4 + 6
    short, long = 3, 4
    tags = [
        (256, short, 1, image.width),
        (257, short, 1, image.height),
        (258, short, 3, bits_at),
        (259, short, 1, 1),  # no compression
        (262, short, 1, 2),  # RGB
        (273, long, 1, pixels_at),
        (277, short, 1, 3),
        (278, short, 1, image.height),
        (279, long, 1, len(values)),
        (284, short, 1, 1),  # channels side by side
    ]
    entries = b"".join(struct.pack("<HHLL", *tag) for tag in tags)
    head = b"II*\x00" + struct.pack("<LH", 8, len(tags)) + entries + struct.pack("<L3H", 0, 16, 16, 16)
    path.write_bytes(head + values)


def deep_grey(image: Picture, path: Path) -> None:
    Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257).save(path)


def for_print(image: Picture, path: Path) -> None:
    image.convert("CMYK").save(path, quality=95, subsampling=0)


def moving(image: Picture, path: Path) -> None:
    options = {"lossless": True} if path.suffix == ".webp" else {}
    image.save(path, save_all=True, append_images=[picture(2, image.size), picture(3, image.size)], **options)


def half_clear(image: Picture, path: Path) -> None:
    """The left half is clear and the right half opaque; what lies beneath the clear half is not to be seen."""
    clear = image.convert("RGBA")
    clear.putalpha(_right_half(image.size))
    options = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
    clear.save(path, **options)


def clear_palette(image: Picture, path: Path) -> None:
    """Of eight colours of a palette, the one of the left upper corner is clear."""
    stored = _of_eight_colours(image)
    stored.save(path, transparency=stored.getpixel((0, 0)))


def lying(image: Picture, path: Path) -> None:
    """As a phone stores it: turned, with the orientation that sets it upright."""
    exif = Image.Exif()
    exif[0x0112] = TURNED_BY
    options = {"quality": 95, "subsampling": 0} if path.suffix == ".jpg" else {}
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, **options)


def truncated(image: Picture, path: Path) -> None:
    save(image, path)
    os.truncate(path, path.stat().st_size // 2)


def huge_png(_image: Picture, path: Path) -> None:
    path.write_bytes(png((32_768, 32_768, 8, 2), zlib.compress(bytes(100))))


def huge_jpeg(image: Picture, path: Path) -> None:
    """The height and width in the frame header (ITU-T T.81, B.2.2) are not those of the pixels."""
    save(image, path)
    content = bytearray(path.read_bytes())
    struct.pack_into(">2H", content, content.index(b"\xff\xc0") + 5, 32_768, 32_768)
    path.write_bytes(content)


def text(_image: Picture, path: Path) -> None:
    path.write_text("just a text")


def empty(_image: Picture, path: Path) -> None:
    path.touch()


def folder(_image: Picture, path: Path) -> None:
    path.mkdir()


def loop(_image: Picture, path: Path) -> None:
    path.symlink_to(path.name)


def pipe(_image: Picture, path: Path) -> None:
    os.mkfifo(path)


def _right_half(size: tuple[int, int]) -> Picture:
    mask = Image.new("L", size, 0)
    mask.paste(255, (size[0] // 2, 0, *size))
    return mask


def _on_white(image: Picture, opaque: Picture) -> Picture:
    return Image.composite(image, Image.new("RGB", image.size, "white"), opaque)


def _grey(image: Picture) -> Picture:
    return image.convert("L").convert("RGB")


def _right_half_on_white(image: Picture) -> Picture:
    return _on_white(image, _right_half(image.size))


def _of_eight_colours(image: Picture) -> Picture:
    return image.quantize(8, dither=Image.Dither.NONE)


def _first_colour_clear(image: Picture) -> Picture:
    stored = _of_eight_colours(image)
    opaque = np.asarray(stored) != stored.getpixel((0, 0))
    return _on_white(stored.convert("RGB"), Image.fromarray(np.where(opaque, 255, 0).astype(np.uint8)))


_TRUNCATED = "is truncated: the end of the file is missing"
_TOO_LARGE = "has more than 89 million pixels; shrink it"
_JPEG = 6.0
"""What JPEG itself costs in pictures of blocks, in values."""


def _colours(number: int) -> Picture:
    return picture(100 + number, SIZE)


SHOWN = (
    Odd("dot.png", save, picture(90, (1, 1))),
    Odd("wide.png", save, picture(91, (30_000, 10))),
    Odd("tall.png", save, picture(92, (10, 30_000))),
    Odd("moving.gif", moving, _colours(0)),
    Odd("moving.webp", moving, _colours(1)),
    Odd("deep-grey.png", deep_grey, _colours(2), _grey),
    Odd("deep-grey.tif", deep_grey, _colours(3), _grey),
    Odd("deep-colours.png", deep_colours_png, _colours(4)),
    Odd("deep-colours.tif", deep_colours_tiff, _colours(5)),
    Odd("print.jpg", for_print, _colours(6), off=_JPEG),
    Odd("half-clear.png", half_clear, _colours(7), _right_half_on_white),
    Odd("half-clear.webp", half_clear, _colours(8), _right_half_on_white),
    Odd("palette.png", clear_palette, _colours(9), _first_colour_clear),
    Odd("palette.gif", clear_palette, _colours(10), _first_colour_clear),
    Odd("lying.jpg", lying, _colours(11), off=_JPEG),
    Odd("lying.png", lying, _colours(12)),
    Odd("lying.tif", lying, _colours(13)),
)
"""What is read, and gets the answer of its pixels everywhere."""

REFUSED = (
    Odd("huge.png", huge_png, _colours(20), refused=_TOO_LARGE),
    Odd("huge.jpg", huge_jpeg, _colours(21), refused=_TOO_LARGE),
    Odd("half.jpg", truncated, _colours(22), refused=_TRUNCATED),
    Odd("half.png", truncated, _colours(23), refused=_TRUNCATED),
    Odd("text.png", text, _colours(24), refused="is not an image"),
    Odd("empty.png", empty, _colours(25), refused="is empty (0 bytes)"),
    Odd("folder.jpg", folder, _colours(26), refused="is a folder, not an image"),
    Odd("pipe.png", pipe, _colours(28), refused="is not an ordinary file"),
    Odd("loop.png", loop, _colours(27), refused="is a broken link"),
)
"""What cannot be read, and gets the same words everywhere."""
