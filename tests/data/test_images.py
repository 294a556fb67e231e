"""One image: decoded in full, upright, RGB; or one sentence that says why not."""

import hashlib
import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from drawing import picture, save
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_images import png
from PIL import Image, ImageOps

from finetune.data.images import IMAGE_SUFFIXES, MAX_PIXELS, check_image, load_rgb
from finetune.errors import ImageError

LOSSLESS = {"PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "GIF": ".gif", "TIFF": ".tif"}


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def grey_of(path: Path) -> list[int]:
    """The values of the first row, after checking that all three channels hold them."""
    rgb = pixels(load_rgb(path))
    assert rgb.shape[2] == 3
    assert (rgb == rgb[:, :, :1]).all()
    return rgb[0, :, 0].tolist()


@pytest.mark.parametrize("name", LOSSLESS)
def test_every_lossless_format_gives_back_its_pixels(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name == "WEBP" else {}
    path = save(picture(1), tmp_path / f"a{LOSSLESS[name]}", **options)
    assert (pixels(load_rgb(path)) == pixels(picture(1))).all()
    assert check_image(path).format == name


@pytest.mark.parametrize("suffix", [".avif", ".heic", ".heif", ".mpo", ".jfif"])
def test_what_phones_and_browsers_write_gives_nearly_its_pixels(tmp_path: Path, suffix: str) -> None:
    pillow_heif.register_heif_opener()
    kind = {".heic": "HEIF", ".heif": "HEIF", ".jfif": "JPEG"}.get(suffix, suffix[1:].upper())
    path = save(picture(1, (96, 64)), tmp_path / f"a{suffix}", format=kind, quality=95)
    assert abs(pixels(load_rgb(path)) - pixels(picture(1, (96, 64)))).mean() < 12
    facts = check_image(path)
    assert (facts.width_px, facts.height_px) == (96, 64)
    assert facts.format == ("JPEG" if kind == "MPO" else kind)


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_turned_by_its_container_is_upright_once(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    pillow_heif.register_heif_opener()
    stored, exif = turned(orientation)
    big = stored.resize((stored.width * 8, stored.height * 8), Image.Resampling.NEAREST)
    path = save(big, tmp_path / f"a{suffix}", exif=exif.tobytes(), quality=95)
    expected = picture(1).resize((24 * 8, 16 * 8), Image.Resampling.NEAREST)
    rgb = load_rgb(path)
    assert rgb.size == expected.size
    assert abs(pixels(rgb) - pixels(expected)).mean() < 12


def test_a_heic_is_read_though_nothing_registered_its_decoder_before(tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    path = save(picture(1), tmp_path / "a.jpg", format="HEIF")
    program = (
        "import sys, pathlib; from finetune.data.images import load_rgb; "
        "assert 'pillow_heif' not in sys.modules; print(load_rgb(pathlib.Path(sys.argv[1])).size)"
    )
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(24, 16)"


def test_a_heic_without_its_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif.register_heif_opener()
    path = save(picture(1), tmp_path / "a.heic")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert_refused(path, r'is a HEIC photo, which needs pillow-heif; run `pip install "finetune-strat')


def test_a_jpeg_gives_nearly_its_pixels(tmp_path: Path) -> None:
    path = save(picture(1, (96, 64)), tmp_path / "a.jpg", quality=95, subsampling=0)
    assert abs(pixels(load_rgb(path)) - pixels(picture(1, (96, 64)))).mean() < 3


def test_the_name_does_not_decide_the_format(tmp_path: Path) -> None:
    path = save(picture(1), tmp_path / "a.jpg", format="PNG")
    assert check_image(path).format == "PNG"
    assert load_rgb(path).size == (24, 16)


def test_a_phone_jpeg_with_two_pictures_is_a_jpeg_with_one(tmp_path: Path) -> None:
    path = save(picture(1), tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[picture(2)])
    assert check_image(path).format == "JPEG"
    assert abs(pixels(load_rgb(path)) - pixels(picture(1))).mean() < 20


def test_the_first_frame_of_a_gif_counts(tmp_path: Path) -> None:
    path = save(picture(1), tmp_path / "a.gif", save_all=True, append_images=[picture(2), picture(3)])
    assert (pixels(load_rgb(path)) == pixels(picture(1))).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "LAB"])
def test_modes_without_transparency_show_what_pillow_shows(tmp_path: Path, mode: str) -> None:
    stored = picture(1).convert(mode)
    path = save(stored, tmp_path / "a.tif")
    assert (pixels(load_rgb(path)) == pixels(stored.convert("RGB"))).all()


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    row = Image.fromarray(np.array([[False, True]]))
    assert grey_of(save(row, tmp_path / "a.png")) == [0, 255]


def test_a_cmyk_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    rgb = load_rgb(save(red, tmp_path / "a.jpg", quality=95))
    assert np.abs(pixels(rgb) - (255, 0, 0)).max() < 8


def half_clear(mode: str) -> Image.Image:
    """Left a clear black pixel, right an opaque one."""
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_shows_white_and_not_the_colour_beneath(tmp_path: Path, mode: str) -> None:
    path = save(half_clear(mode), tmp_path / "a.png")
    assert grey_of(path) == [255, 0]
    assert check_image(path).transparent


def test_half_transparent_black_is_grey(tmp_path: Path) -> None:
    assert grey_of(save(Image.new("RGBA", (1, 1), (0, 0, 0, 128)), tmp_path / "a.png")) == [127]


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"])
def test_a_palette_with_transparency_shows_white(tmp_path: Path, transparency: int | bytes) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 0, 0, 0])
    image.putpixel((1, 0), 1)
    assert grey_of(save(image, tmp_path / "a.png", transparency=transparency)) == [255, 0]


@pytest.mark.parametrize(("mode", "clear"), [("L", 7), ("RGB", (7, 7, 7)), ("1", 0)])
def test_a_colour_declared_transparent_shows_white(
    tmp_path: Path, mode: str, clear: int | tuple[int, int, int]
) -> None:
    path = save(Image.new(mode, (1, 1), clear), tmp_path / "a.png", transparency=clear)
    assert grey_of(path) == [255]


def test_a_transparent_gif_shows_white(tmp_path: Path) -> None:
    path = save(half_clear("RGBA"), tmp_path / "a.gif")
    assert grey_of(path) == [255, 0]


SIXTEEN_BITS = np.array([[0, 257, 128 * 257, 254 * 257 + 128, 254 * 257 + 129, 65535]])


@pytest.mark.parametrize(
    ("suffix", "dtype"), [(".png", "<u2"), (".tif", "<u2"), (".tif", ">u2"), (".tif", "<i4")]
)
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, suffix: str, dtype: str) -> None:
    path = save(Image.fromarray(SIXTEEN_BITS.astype(dtype)), tmp_path / f"a{suffix}")
    assert grey_of(path) == [0, 1, 128, 254, 255, 255]


def test_sixteen_bits_of_colour_keep_their_high_byte(tmp_path: Path) -> None:
    pixel = b"\x00" + struct.pack(">3H", 65535, 128 * 257, 0)
    (tmp_path / "a.png").write_bytes(png((1, 1, 16, 2), zlib.compress(pixel)))
    assert load_rgb(tmp_path / "a.png").getpixel((0, 0)) == (255, 128, 0)


@pytest.mark.parametrize("values", [[-100, 0, 150], [0, 400_000, 1_000_000]])
def test_integers_beyond_sixteen_bits_are_stretched(tmp_path: Path, values: list[int]) -> None:
    path = save(Image.fromarray(np.array([values], dtype=np.int32)), tmp_path / "a.tif")
    assert grey_of(path) == [0, 102, 255]


@pytest.mark.parametrize(
    ("values", "grey"),
    [
        ([0, 0.5, 1], [0, 128, 255]),
        ([0, 0.1, 0.2], [0, 26, 51]),
        ([0, 100, 200], [0, 100, 200]),
        ([0, 257, 65535], [0, 1, 255]),
        ([-2, 0, 3], [0, 102, 255]),
        ([0, 4e5, 1e6], [0, 102, 255]),
        ([-3, -3, -3], [0, 0, 0]),
    ],
)
def test_float_images_are_scaled_by_the_range_they_were_made_in(
    tmp_path: Path, values: list[float], grey: list[int]
) -> None:
    path = save(Image.fromarray(np.array([values], dtype=np.float32)), tmp_path / "a.tif")
    assert grey_of(path) == grey


def test_a_float_image_with_nan_is_refused(tmp_path: Path) -> None:
    path = save(Image.fromarray(np.array([[0, np.nan]], dtype=np.float32)), tmp_path / "a.tif")
    with pytest.raises(ImageError, match=r"a\.tif is damaged: it holds NaN or infinite values"):
        load_rgb(path)


def turned(orientation: int) -> tuple[Image.Image, Image.Exif]:
    """A picture stored so that EXIF ``orientation`` sets it upright."""
    undo = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    exif = Image.Exif()
    exif[0x0112] = undo
    probe = picture(1)
    probe.getexif()[0x0112] = undo
    stored = ImageOps.exif_transpose(probe)
    assert stored is not None
    exif[0x0112] = orientation
    return stored, exif


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_set_upright_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    stored, exif = turned(orientation)
    path = save(
        stored, tmp_path / f"a{suffix}", exif=exif, **({"lossless": True} if suffix == ".webp" else {})
    )
    rgb = load_rgb(path)
    assert (pixels(rgb) == pixels(picture(1))).all()
    assert ImageOps.exif_transpose(rgb).size == rgb.size, "a second turn must do nothing"
    facts = check_image(path)
    assert (facts.width_px, facts.height_px) == (24, 16)
    assert facts.rotated_by_exif == (orientation != 1)


def test_a_phone_photograph_is_set_upright(tmp_path: Path) -> None:
    stored, exif = turned(6)
    path = save(stored, tmp_path / "a.jpg", exif=exif, quality=95, subsampling=0)
    assert stored.size == (16, 24)
    assert abs(pixels(load_rgb(path)) - pixels(picture(1))).mean() < 12


@pytest.mark.parametrize("orientation", [0, 9, 1000])
def test_an_orientation_that_does_not_exist_turns_nothing(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(picture(1), tmp_path / "a.png", exif=exif)
    assert (pixels(load_rgb(path)) == pixels(picture(1))).all()
    assert not check_image(path).rotated_by_exif


def test_damaged_metadata_does_not_cost_the_image(tmp_path: Path) -> None:
    path = save(picture(1), tmp_path / "a.png", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f")
    assert (pixels(load_rgb(path)) == pixels(picture(1))).all()


def test_the_facts_are_those_of_the_file(tmp_path: Path) -> None:
    path = save(picture(1).convert("L"), tmp_path / "a.png")
    facts = check_image(path)
    assert (facts.width_px, facts.height_px, facts.mode, facts.format) == (24, 16, "L", "PNG")
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not facts.transparent


# What cannot be decoded.


def assert_refused(path: Path, match: str) -> None:
    for read in (load_rgb, check_image):
        with pytest.raises(ImageError, match=f"^{path} {match}"):
            read(path)


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert_refused(tmp_path / "a.jpg", r"is empty \(0 bytes\)")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"just a text", "is not an image$"),
        (b"<!DOCTYPE html><html>404</html>", "is not an image but a text such as a web page"),
        (b"%PDF-1.7", "is not an image but a PDF"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "is a damaged or truncated HEIC photo$"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "is a damaged AVIF image, or one that"),
        (b"P6 1 1 255\n\x00\x00\x00", "is not an image$"),
    ],
)
def test_what_is_no_image_is_told_by_its_first_bytes(tmp_path: Path, content: bytes, match: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert_refused(tmp_path / "a.jpg", match)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".gif", ".tif"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_file_is_an_error_and_never_half_an_image(
    tmp_path: Path, suffix: str, share: float
) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path = save(noise, tmp_path / f"a{suffix}")
    os.truncate(path, int(share * path.stat().st_size))
    assert_refused(path, "is .*(truncated|damaged)")


@pytest.mark.parametrize("position", range(41, 183, 7))
def test_any_changed_byte_of_a_png_s_pixels_is_seen(tmp_path: Path, position: int) -> None:
    # Pillow alone decodes some of these to wrong pixels.
    path = save(picture(1), tmp_path / "a.png")
    damaged = bytearray(path.read_bytes())
    damaged[position] ^= 0xFF
    path.write_bytes(damaged)
    assert_refused(path, "is (damaged|truncated): ")


def test_a_png_without_its_end_is_truncated(tmp_path: Path) -> None:
    path = save(picture(1), tmp_path / "a.png")
    os.truncate(path, path.stat().st_size - 12)
    assert_refused(path, "is truncated")


def test_a_missing_file_and_what_is_none_say_so(tmp_path: Path) -> None:
    assert_refused(tmp_path / "a.jpg", "cannot be read: no such file or directory")
    (tmp_path / "b.jpg").mkdir()
    assert_refused(tmp_path / "b.jpg", "is a folder, not an image$")
    os.mkfifo(tmp_path / "c.jpg")
    assert_refused(tmp_path / "c.jpg", "is not an ordinary file$")
    (tmp_path / "d.jpg").symlink_to("d.jpg")
    (tmp_path / "e.jpg").symlink_to("a.jpg")
    for name in "de":
        assert_refused(tmp_path / f"{name}.jpg", "is a broken link$")


@pytest.mark.parametrize("side_px", [int(MAX_PIXELS**0.5) + 1, 30_000])
@pytest.mark.parametrize("warning", ["error", "ignore"])
def test_a_pixel_bomb_is_refused_before_it_is_decoded(tmp_path: Path, side_px: int, warning: str) -> None:
    (tmp_path / "a.png").write_bytes(png((side_px, side_px, 8, 2), zlib.compress(bytes(100))))
    with warnings.catch_warnings():
        warnings.simplefilter(warning, Image.DecompressionBombWarning)
        assert_refused(tmp_path / "a.png", "has more than 89 million pixels; shrink it")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from([".jpg", ".png", ".webp", ".bmp", ".gif", ".tif"]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), min_size=1, max_size=3),
)
def test_a_mutated_image_is_decoded_or_an_image_error(
    tmp_path: Path, suffix: str, changes: list[tuple[float, bytes]]
) -> None:
    buffer = io.BytesIO()
    picture(1).save(buffer, format=Image.registered_extensions()[suffix])
    mutant = bytearray(buffer.getvalue())
    for where, new in changes:
        start = int(where * (len(mutant) - len(new)))
        mutant[start : start + len(new)] = new
    path = tmp_path / f"a{suffix}"
    path.write_bytes(mutant)
    try:
        facts = check_image(path)
    except ImageError:
        with pytest.raises(ImageError, match=r"a\."):
            load_rgb(path)
    else:
        assert load_rgb(path).size == (facts.width_px, facts.height_px)


def test_threads_decode_what_one_thread_decodes(tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    paths = [
        save(picture(i), tmp_path / f"{i}{suffix}") for i, suffix in enumerate(sorted(IMAGE_SUFFIXES) * 5)
    ]
    decode: Callable[[Path], bytes] = lambda path: load_rgb(path).tobytes()  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(decode, paths)) == [decode(path) for path in paths]
