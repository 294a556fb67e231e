"""What images show: blank, dark, blurred, of an odd shape, of another format than named; and their channels."""

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_scenes, picture, save, scene
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps
from test_health import found, inspected, kinds

from finetune.data.health.class_rules import effective_number
from finetune.data.health.look import LONGEST_PX, look_at
from finetune.data.images import check_image


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    return draw_scenes(tmp_path, {"ants": 20, "bees": 20})


def test_the_look_of_an_image_is_what_numpy_says() -> None:
    image = scene(5)
    look, thumb = look_at(image)
    values = np.asarray(image, np.float64) / 255
    grey = np.asarray(image.convert("L"), np.float64)
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    assert max(image.size) <= LONGEST_PX, "larger ones are measured smaller"
    assert look.mean == pytest.approx(values.mean(axis=(0, 1)), rel=1e-9)
    assert look.mean_square == pytest.approx((values**2).mean(axis=(0, 1)), rel=1e-9)
    assert (look.brightness, look.contrast) == pytest.approx((grey.mean(), grey.std()), rel=1e-9)
    assert look.sharpness == pytest.approx(laplacian.var(), rel=1e-3)
    assert len(thumb) == 16 * 16


@st.composite
def small_images(draw: st.DrawFn) -> Image.Image:
    """RGB images of 1 to 32 px a side: noise, few colours, or gradients, which are alike in many rows."""
    height, width = draw(st.integers(1, 32)), draw(st.integers(1, 32))
    values = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).integers(0, 256, (height, width, 3))
    kind = draw(st.sampled_from(["noise", "two colours", "rows", "columns"]))
    if kind == "two colours":
        values = np.where(values < 128, draw(st.integers(0, 255)), draw(st.integers(0, 255)))
    if kind == "rows":
        values[:] = values[:, :1]
    if kind == "columns":
        values[:] = values[:1]
    return Image.fromarray(values.astype(np.uint8))


@given(small_images())
def test_the_darkest_and_the_brightest_are_numpy_s_percentiles(image: Image.Image) -> None:
    look, _ = look_at(image)
    expected = np.percentile(np.asarray(image.convert("L")), (1, 99))
    assert (look.darkest, look.brightest) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(small_images())
def test_the_mirrored_hash_is_the_hash_of_the_mirrored_image(image: Image.Image) -> None:
    look, mirrored = look_at(image)[0], look_at(ImageOps.mirror(image))[0]
    assert (look.mirrored_phash, look.phash) == (mirrored.phash, mirrored.mirrored_phash)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (1, 5000), (3, 3)])
def test_any_size_can_be_looked_at(size: tuple[int, int]) -> None:
    look, thumb = look_at(Image.new("RGB", size, (0, 0, 255)))
    assert (look.contrast, look.sharpness, len(thumb)) == (0, 0, 256)


@pytest.mark.parametrize(
    ("kind", "image"),
    [
        ("blank", Image.new("RGB", (160, 120), (80, 80, 80))),
        ("dark", scene(50).point(lambda value: value // 8)),
        ("bright", scene(50).point(lambda value: min(255, 232 + value // 7))),
        ("odd-size", scene(50, (40, 24))),
        ("odd-aspect", scene(50, (600, 120))),
    ],
)
def test_an_image_unlike_the_others_is_named(scenes: Path, kind: str, image: Image.Image) -> None:
    save(image, scenes / "ants" / "odd.png")
    report = inspected(scenes)
    finding = found(report, kind)
    assert finding.severity == "note"
    assert [example.split(":")[0] for example in finding.examples] == ["ants/odd.png"]


def test_a_blurred_image_among_sharp_ones_is_named(tmp_path: Path) -> None:
    for number in range(40):
        save(picture(number, (160, 120)), tmp_path / ("ants" if number % 2 else "bees") / f"{number}.png")
    soft = picture(99, (160, 120)).filter(ImageFilter.GaussianBlur(6))
    save(soft, tmp_path / "ants" / "soft.png")
    assert found(inspected(tmp_path), "blurred").examples == ("ants/soft.png",)


@pytest.mark.parametrize("n_dark", [40, 20, 5])
def test_a_set_that_is_dark_throughout_is_warned_of_in_one_sentence(tmp_path: Path, n_dark: int) -> None:
    """Nobody but its owner knows whether it is meant to be: silence would train on black images without a word."""
    for number in range(40):
        image = scene(number).point(lambda value: value // 8) if number < n_dark else scene(number)
        save(image, tmp_path / ("ants" if number % 2 else "bees") / f"{number}.png")
    report = inspected(tmp_path)
    (dark,) = report.findings
    assert (dark.kind, dark.severity, dark.count) == ("dark", "warning", n_dark)
    assert dark.message == f"{n_dark} of 40 images are almost black; if they should show more, make them anew"


def test_a_set_without_anything_to_see_is_warned_of(tmp_path: Path) -> None:
    for number in range(40):
        blank = Image.new("RGB", (32, 32), (number, number, number))
        save(blank, tmp_path / ("ants" if number % 2 else "bees") / f"{number}.png")
    report = inspected(tmp_path)
    assert kinds(report) == {"blank"}
    assert found(report, "blank").severity == "warning"
    assert found(report, "blank").message.startswith("40 of 40 images are nothing but one colour; ")


def test_bright_strokes_on_black_are_no_finding(tmp_path: Path) -> None:
    for number in range(40):
        digit = Image.new("L", (28, 28))
        digit.paste(255, (4 + number % 10, 4, 8 + number % 10, 8 + number // 2))
        save(digit, tmp_path / ("ants" if number % 2 else "bees") / f"{number}.png")
    assert not kinds(inspected(tmp_path)) & {"dark", "bright", "blank"}


def test_a_file_of_another_format_than_its_name_says_is_named(scenes: Path) -> None:
    save(scene(60), scenes / "ants" / "photo.jpg", format="PNG")
    finding = found(inspected(scenes), "wrong-extension")
    assert (finding.count, finding.examples) == (1, ("ants/photo.jpg: PNG",))


def deep_png(path: Path, values: np.ndarray) -> Path:
    """Write ``values``, height x width x 3 of 16 bits, as a PNG of 16-bit colours, which Pillow cannot write."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def deep_set(root: Path, *, kind: str, white: int) -> Path:
    """Forty scenes whose grey or colour values lie between 0 and ``white`` in files of 16 bits a channel."""
    for number in range(40):
        colours = np.asarray(scene(number), np.float64) / 255
        values = np.rint((colours if kind == "colour" else colours.mean(axis=2)) * white)
        path = root / ("ants" if number % 2 else "bees") / f"{number}.{'tif' if kind == 'TIFF' else 'png'}"
        if kind == "colour":
            deep_png(path, values)
        else:
            save(Image.fromarray(values.astype(np.uint16)), path)
    return root


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "colour"])
def test_a_set_all_of_sixteen_bits_is_noted_once(tmp_path: Path, kind: str) -> None:
    report = inspected(deep_set(tmp_path, kind=kind, white=65535))
    (deep,) = report.findings
    assert (deep.kind, deep.severity, deep.count) == ("16-bit", "note", 40)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "colour"])
def test_twelve_bits_in_files_of_sixteen_are_warned_of_with_a_remedy(tmp_path: Path, kind: str) -> None:
    report = inspected(deep_set(tmp_path, kind=kind, white=4095))
    (low,) = report.findings
    assert (low.kind, low.severity, low.count) == ("16-bit-range", "warning", 40)
    assert re.search(r"no value above [34],\d{3} of 65,535", low.message)
    assert "rescale them so that white is 65,535" in low.message


def test_one_bright_image_shows_that_the_others_of_sixteen_bits_are_dark_by_themselves(
    tmp_path: Path,
) -> None:
    deep_set(tmp_path, kind="PNG", white=4095)
    bright = np.asarray(scene(77).convert("L"), np.uint16) * 257
    save(Image.fromarray(bright), tmp_path / "ants" / "bright.png")
    assert not kinds(inspected(tmp_path)) & {"16-bit-range"}
    assert kinds(inspected(tmp_path)) & {"dark", "blank"}


@pytest.mark.parametrize(
    ("values", "largest"),
    [
        (np.array([[0, 255], [7, 9]], np.int32), 255),
        (np.array([[0, 70_000], [7, 9]], np.int32), None),
        (np.array([[0, 4_095.5], [7, 9]], np.float32), 4_096),
        (np.array([[0, 200.0], [7, 9]], np.float32), None),
        (np.array([[-1.0, 300.0], [7, 9]], np.float32), None),
        (np.array([[0, 255], [7, 9]], np.uint8), None),
    ],
)
def test_the_largest_value_is_known_of_what_is_read_as_sixteen_bits(
    tmp_path: Path, values: np.ndarray, largest: int | None
) -> None:
    assert check_image(save(Image.fromarray(values), tmp_path / "one.tif")).largest == largest


def test_what_is_known_of_deep_images_is_kept(tmp_path: Path) -> None:
    deep_set(tmp_path, kind="colour", white=4095)
    assert inspected(tmp_path).to_json() == inspected(tmp_path).to_json()
    assert {facts.largest for facts in inspected(tmp_path).facts.values()} <= set(range(255, 4096, 256))


def test_a_set_all_for_print_is_noted(tmp_path: Path) -> None:
    for number in range(40):
        image = scene(number).convert("CMYK")
        save(image, tmp_path / ("ants" if number % 2 else "bees") / f"{number}.jpg")
    assert kinds(inspected(tmp_path)) == {"cmyk"}


def test_sixteen_bit_and_print_images_are_named(scenes: Path) -> None:
    deep = np.asarray(scene(61).convert("L"), np.uint16) * 257
    save(Image.fromarray(deep), scenes / "ants" / "deep.png")
    save(scene(62).convert("CMYK"), scenes / "ants" / "print.jpg")
    report = inspected(scenes)
    assert found(report, "16-bit").examples == ("ants/deep.png",)
    assert found(report, "cmyk").examples == ("ants/print.jpg",)


def test_the_channels_are_those_of_the_training_images_alone(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"train/ants": 20, "train/bees": 20})
    for number in range(4):
        save(Image.new("RGB", (8, 8), "white"), tmp_path / "val" / "ants" / f"{number}.png")
    channels = inspected(tmp_path).channels
    pixels = np.stack([np.asarray(scene(number), np.float64) / 255 for number in range(40)])
    assert channels is not None
    assert channels.mean == pytest.approx(pixels.mean(axis=(0, 1, 2)), rel=1e-4)
    assert channels.std == pytest.approx(pixels.std(axis=(0, 1, 2)), rel=1e-4)


def test_the_effective_number_of_a_class_is_the_papers() -> None:
    # Cui et al. 2019, equation 2, worked out by hand for β = 0.999.
    assert effective_number(1) == pytest.approx(1)
    assert effective_number(100) == pytest.approx(95.2079, rel=1e-5)
    assert effective_number(10_000) == pytest.approx(999.9548, rel=1e-5)
