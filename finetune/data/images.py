"""Decode one image file, in full and upright, or say in one sentence why it cannot be.

Training, validation, prediction and export all read images here, so that they see the same pixels.
Only the first frame of an animation or of a many-page TIFF counts.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import io
import logging
import stat
import threading
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

# Registered here, once: Pillow's own lazy registration is not safe in threads.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from finetune.data.pixels import largest_of_16_bits, to_rgb
from finetune.errors import ImageError

IMAGE_SUFFIXES: frozenset[str] = frozenset(
    {
        ".jpg",
        ".jpeg",
        ".jfif",
        ".mpo",
        ".png",
        ".webp",
        ".bmp",
        ".gif",
        ".tif",
        ".tiff",
        ".avif",
        ".heic",
        ".heif",
    }
)
"""Lower-case endings of the files that count as images."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
"""The Pillow decoders a file may reach, whatever its name; MPO, which phones write, is one of JPEG.

HEIF is one more, for a file that begins as one and where the package pillow-heif is installed.
"""

MAX_PIXELS = 89_478_485
"""Cap on width x height: Pillow's own bomb limit, a quarter of a GiB as RGB. Its warning is an error here."""

warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# Odd metadata in a fine photograph; these would print Python source lines and codes on the user's screen.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*ImagePlugin")
logging.getLogger("PIL").addHandler(logging.NullHandler())

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH_AT = 24
"""Where a PNG says how many bits a channel has: after the signature, IHDR's length and name, width and height."""
_TIFF_DEPTH_TAG = 258
_ORIENTATION_TAG = 0x0112
_UPRIGHT = 1
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation (TIFF 6.0, tag 274) to the turn that sets the image upright."""

_LOOKS_LIKE = (
    (4, b"ftypavi", "is a damaged AVIF image, or one that this Pillow was built without a decoder for"),
    (0, b"<", "is not an image but a text such as a web page"),
    (0, b"%PDF", "is not an image but a PDF"),
    (0, b"\xff\xd8\xff", "is a damaged or truncated JPEG"),
    (0, b"\x89PNG", "is a damaged or truncated PNG"),
    (8, b"WEBP", "is a damaged or truncated WebP"),
    (0, b"GIF8", "is a damaged or truncated GIF"),
    (0, b"BM", "is a damaged or truncated BMP"),
    (0, b"II*\x00", "is a damaged or truncated TIFF, or one of a kind that is not read"),
    (0, b"MM\x00*", "is a damaged or truncated TIFF, or one of a kind that is not read"),
)


_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""What follows ``ftyp`` in a HEIC photo (ISO/IEC 23008-12, annex B)."""
_NO_HEIF = (
    "is a HEIC photo, which needs pillow-heif; "
    'run `pip install "finetune-strategies[heic]"` or save it as JPEG'
)
A_FOLDER = "is a folder, not an image"
BROKEN_LINK = "is a broken link"
NOT_ORDINARY = "is not an ordinary file"

_registering = threading.Lock()
Seen = TypeVar("Seen")


@dataclass(frozen=True)
class ImageFacts:
    """What a full decode found: upright size, Pillow mode and format as stored, SHA-256 (hex) of the file.

    ``largest`` is the largest value of an image with 16 bits a channel, which is read as 0 to 65535; None for others.
    """

    width_px: int
    height_px: int
    mode: str
    format: str
    rotated_by_exif: bool
    sha256: str
    transparent: bool = False
    largest: int | None = None


def load_rgb(path: Path, *, enough_px: int | None = None) -> Image.Image:
    """Return the image in ``path``: decoded in full, upright (EXIF), RGB, 8 bits a channel, no metadata.

    `finetune.data.pixels.to_rgb` says how other modes become RGB. With ``enough_px`` a JPEG is decoded at the
    smallest scale (1, 1/2, 1/4 or 1/8) that leaves its shorter side at least as long: several times faster,
    but other pixels, so for training augmentation alone.

    Raises:
        ImageError: ``path`` and, in one sentence, why it cannot be decoded, whatever went wrong.
    """
    try:
        with _opened(path) as file:
            return _decoded(file, enough_px)[0]
    except Exception as error:
        raise ImageError(f"{path} {_why(path, error)}") from error


def rgb_from(content: bytes, path: Path) -> Image.Image:
    """Return what `load_rgb` makes of a file with these bytes; ``path`` names it in the ImageError, as there."""
    try:
        return _decoded(io.BytesIO(content))[0]
    except Exception as error:
        raise ImageError(f"{path} {_why(path, error)}") from error


def check_image(path: Path) -> ImageFacts:
    """Decode ``path`` exactly as `load_rgb` does and return its facts; raises ImageError as `load_rgb`."""
    return examine(path, lambda _rgb: None)[0]


def examine(path: Path, look: Callable[[Image.Image], Seen]) -> tuple[ImageFacts, Seen]:
    """Return the facts of `check_image` and what ``look`` makes of the RGB image, from one decode."""
    try:
        with _opened(path) as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            rgb, stored, orientation = _decoded(file)
            seen = look(rgb)
            largest = largest_of_16_bits(stored, has_deep_channels=_has_deep_channels(stored, file))
    except Exception as error:
        raise ImageError(f"{path} {_why(path, error)}") from error
    facts = ImageFacts(
        width_px=rgb.width,
        height_px=rgb.height,
        mode=stored.mode,
        # To a user an MPO is a JPEG.
        format="JPEG" if stored.format == "MPO" else str(stored.format),
        rotated_by_exif=orientation != _UPRIGHT,
        sha256=sha256,
        transparent=stored.has_transparency_data,
        largest=largest,
    )
    return facts, seen


def _has_deep_channels(stored: Image.Image, file: BinaryIO) -> bool:
    """Whether the file holds 16 bits a channel: Pillow gives colours with 8 and says nothing of the others."""
    if isinstance(stored, TiffImagePlugin.TiffImageFile):
        return bool(max(stored.tag_v2.get(_TIFF_DEPTH_TAG, (8,))) == 16)
    if stored.format != "PNG":
        return False
    file.seek(_PNG_DEPTH_AT)
    return file.read(1) == b"\x10"


class _OddFileError(Exception):
    """What lies at a path is no file that could hold an image; the text is a phrase that says what it is."""


def why_not_a_file(mode: int) -> str | None:
    """Return why what has this file ``mode`` holds no image, a phrase; None for an ordinary file."""
    if stat.S_ISDIR(mode):
        return A_FOLDER
    return None if stat.S_ISREG(mode) else NOT_ORDINARY


def _opened(path: Path) -> io.BufferedReader:
    """Open an ordinary file: to open a pipe is to wait for another program."""
    what = why_not_a_file(path.stat().st_mode)
    if what is not None:
        raise _OddFileError(what)
    return path.open("rb")


def open_image(file: BinaryIO) -> Image.Image:
    """Read the head of an image file with the one decoder of FORMATS that knows it, or with HEIF's.

    Raises whatever Pillow raises; UnidentifiedImageError where no decoder knows it.
    """
    is_heif = _is_heif(file.read(12))
    file.seek(0)
    if is_heif and _register_heif():
        return Image.open(file, formats=("HEIF",))
    return Image.open(file, formats=FORMATS)


def _is_heif(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


def _register_heif() -> bool:
    """Make Pillow know HEIF; False where the package for it is not installed."""
    with _registering:
        if importlib.util.find_spec("pillow_heif") is None:
            return False
        if "HEIF" not in Image.OPEN:
            import pillow_heif

            pillow_heif.register_heif_opener()
        return True


def _decoded(file: BinaryIO, enough_px: int | None = None) -> tuple[Image.Image, Image.Image, int]:
    """Return the upright RGB image, the image as stored, and the EXIF orientation it was stored with."""
    with open_image(file) as stored:
        if stored.width * stored.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        orientation = _orientation(stored)
        if enough_px is not None:
            stored.draft(None, (enough_px, enough_px))
        stored.load()
        if stored.format == "PNG":
            _check_png(file)
        # Asked again: Pillow turns a TIFF while loading it, and then takes the tag away.
        rgb = _upright(to_rgb(stored), _orientation(stored))
        return rgb, stored, orientation


def _check_png(file: BinaryIO) -> None:
    """Raise where a chunk's checksum is wrong: Pillow skips those of the pixels and may show wrong ones."""
    file.seek(len(_PNG_SIGNATURE))
    kind = b""
    while kind != b"IEND":
        length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        body, checksum = file.read(length), file.read(4)
        if len(checksum) < 4:
            raise EOFError
        is_critical = kind[:1].isupper()
        if is_critical and zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(checksum, "big"):
            raise ValueError("a checksum does not match")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, _UPRIGHT)
    except Exception:  # noqa: BLE001  # damaged metadata raises anything, and the pixels are still good
        return _UPRIGHT
    return orientation if orientation in _TURNS else _UPRIGHT


def _why(path: Path, error: Exception) -> str:
    if isinstance(error, _OddFileError):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ELOOP) and path.is_symlink():
        return BROKEN_LINK
    if isinstance(error, OSError) and error.errno is not None:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    if isinstance(error, (Image.DecompressionBombWarning, Image.DecompressionBombError)):
        return f"has more than {MAX_PIXELS / 1e6:.0f} million pixels; shrink it"
    if isinstance(error, MemoryError):
        return "needs more memory than there is; shrink it"
    if isinstance(error, UnidentifiedImageError):
        return _what_it_is(path)
    told = " ".join(str(error).split())
    cut_off = isinstance(error, EOFError) or "truncated" in told.lower()
    return "is truncated: the end of the file is missing" if cut_off else f"is damaged: {told}"


def _what_it_is(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        return f"cannot be read: {error}"
    if not head:
        return "is empty (0 bytes)"
    if _is_heif(head):
        return "is a damaged or truncated HEIC photo" if _register_heif() else _NO_HEIF
    words = (text for start, magic, text in _LOOKS_LIKE if head[start:].startswith(magic))
    return next(words, "is not an image")
