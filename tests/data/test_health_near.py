"""Near-duplicates: every close pair of hashes is found, and only what shows the same picture is a group."""

from pathlib import Path

import numpy as np
import pytest
from drawing import draw_scenes, draw_set, save, scene
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps
from test_health import found, inspected, kinds

from finetune.data.health.near import MOST_BITS, MOST_EQUAL, close_pairs, same_picture
from finetune.data.health.stars import parted

hashes = st.integers(0, 2**64 - 1)


@given(st.lists(hashes, min_size=1, max_size=12), st.lists(st.sampled_from(range(64)), max_size=9), st.data())
def test_all_pairs_within_the_distance_are_found_and_no_others(
    values: list[int], flips: list[int], data: st.DataObject
) -> None:
    for _ in range(5):
        near = data.draw(st.sampled_from(values))
        for bit in flips[: data.draw(st.integers(0, 9))]:
            near ^= 1 << bit
        values.append(near)
    array = np.array(values, np.uint64)
    by_hand = [
        [i, j]
        for i in range(len(values))
        for j in range(i + 1, len(values))
        if (values[i] ^ values[j]).bit_count() <= MOST_BITS
    ]
    assert close_pairs(array, array).tolist() == by_hand


def test_equal_hashes_are_all_pairs_up_to_a_number_and_then_pairs_with_the_first() -> None:
    few = np.full(MOST_EQUAL, 7, np.uint64)
    assert len(close_pairs(few, few)) == MOST_EQUAL * (MOST_EQUAL - 1) // 2
    many = np.full(3_000, 7, np.uint64)
    many[2_000:] ^= np.uint64(1)
    pairs = close_pairs(many, many)
    assert set(pairs[:, 0].tolist()) == {*range(MOST_EQUAL), *range(2_000, 2_000 + MOST_EQUAL)}
    groups, _ = parted(pairs)
    assert groups == [list(range(3_000))]


def test_no_hashes_are_no_pairs() -> None:
    nothing = np.zeros(0, np.uint64)
    assert close_pairs(nothing, nothing).shape == (0, 2)


def test_features_that_disagree_forbid_what_thumbnails_allow() -> None:
    thumbs = np.stack([np.arange(256, dtype=np.uint8).reshape(16, 16)] * 2)
    pairs = np.array([[0, 1]])
    assert len(same_picture(pairs, thumbs)) == 1
    assert len(same_picture(pairs, thumbs, features=np.array([[1.0, 0.0], [0.9, 0.1]]))) == 1
    assert len(same_picture(pairs, thumbs, features=np.array([[1.0, 0.0], [0.0, 1.0]]))) == 0


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_a_picture_saved_anew_as_jpeg_is_a_near_duplicate(tmp_path: Path, quality: int) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    save(scene(3), tmp_path / "ants" / "again.jpg", quality=quality)
    report = inspected(tmp_path)
    assert report.near_duplicates == (("ants/3.png", "ants/again.jpg"),)
    assert report.exact_duplicates == ()
    assert found(report, "near-duplicate").count == 1


@pytest.mark.parametrize("factor", [0.5, 0.8, 2])
def test_a_picture_at_another_size_is_a_near_duplicate(tmp_path: Path, factor: float) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    size = (round(160 * factor), round(120 * factor))
    save(scene(25).resize(size), tmp_path / "ants" / "again.png")
    report = inspected(tmp_path)
    assert report.near_duplicates == (("ants/again.png", "bees/5.png"),)
    conflict = found(report, "near-conflicting-labels")
    assert (conflict.severity, conflict.examples) == ("warning", ("ants/again.png = bees/5.png",))


def test_a_mirrored_picture_is_reported_apart(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    save(ImageOps.mirror(scene(7)), tmp_path / "ants" / "turned.png")
    report = inspected(tmp_path)
    assert report.mirrored_duplicates == (("ants/7.png", "ants/turned.png"),)
    assert report.near_duplicates == ()
    assert found(report, "mirrored-duplicate").severity == "note"


def test_a_picture_that_is_its_own_mirror_image_is_told_once(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    half = scene(99)
    both = Image.new("RGB", (320, 120))
    both.paste(half, (0, 0))
    both.paste(ImageOps.mirror(half), (160, 0))
    save(both, tmp_path / "ants" / "even.png")
    save(both, tmp_path / "ants" / "again.jpg", quality=60)
    report = inspected(tmp_path)
    assert report.near_duplicates == (("ants/again.jpg", "ants/even.png"),)
    assert report.mirrored_duplicates == ()


def test_the_same_picture_in_two_splits_is_a_leak(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"train/ants": 20, "train/bees": 20, "test/ants": 5, "test/bees": 5})
    save(scene(2), tmp_path / "test" / "ants" / "leak.jpg", quality=50)
    leak = found(inspected(tmp_path), "near-duplicate-across-splits")
    assert (leak.severity, leak.examples) == ("warning", ("train/ants/2.png = test/ants/leak.jpg",))


def test_a_group_brings_the_copies_of_its_pictures_along(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    save(scene(1), tmp_path / "ants" / "again.jpg", quality=50)
    save(scene(1), tmp_path / "ants" / "copy.png")
    report = inspected(tmp_path)
    assert report.exact_duplicates == (("ants/1.png", "ants/copy.png"),)
    assert [set(group) for group in report.near_duplicates] == [
        {"ants/1.png", "ants/again.jpg", "ants/copy.png"}
    ]
    assert found(report, "near-duplicate").count == 1


def test_other_pictures_and_blank_ones_are_no_near_duplicates(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    for shade in (10, 11, 12):
        save(Image.new("RGB", (64, 64), (shade, shade, shade)), tmp_path / "ants" / f"blank{shade}.png")
    report = inspected(tmp_path)
    assert report.near_duplicates == report.mirrored_duplicates == ()


def test_a_blurred_picture_is_near_its_original(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    save(scene(4).filter(ImageFilter.GaussianBlur(2)), tmp_path / "ants" / "soft.png")
    assert inspected(tmp_path).near_duplicates == (("ants/4.png", "ants/soft.png"),)


def test_pictures_of_blocks_have_no_findings(tmp_path: Path) -> None:
    assert kinds(inspected(draw_set(tmp_path, {"ants": 30, "bees": 30}))) == set()
