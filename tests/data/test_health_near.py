"""Near-duplicates: every close pair of hashes is found, and only what shows the same picture is a group."""

import tracemalloc
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_scenes, draw_set, save, scene
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps
from test_health import found, inspected, kinds

from finetune.data.health import inspect_source
from finetune.data.health.close import Part, alike_by_bands, alike_by_tiles, close_pairs
from finetune.data.health.file_rules import MOST_NAMED
from finetune.data.health.likeness import Asked, Listed, likeness_of
from finetune.data.health.near import LEAST_CORRELATION, MOST_BITS, Features, Pictures
from finetune.data.health.stars import MOST_LINKS, parted
from finetune.data.sources import open_source

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
        (i, j)
        for i in range(len(values))
        for j in range(i + 1, len(values))
        if (values[i] ^ values[j]).bit_count() <= MOST_BITS
    ]
    assert listed(close_pairs(array, array)) == by_hand


def listed(parts: Iterable[Part | np.ndarray]) -> list[tuple[int, int]]:
    """All pairs in rising order; what was found twice is there twice."""
    arrays = (part if isinstance(part, np.ndarray) else part.pairs() for part in parts)
    return sorted((i, j) for pairs in arrays for i, j in pairs.tolist())


def test_no_hashes_are_no_pairs() -> None:
    nothing = np.zeros(0, np.uint64)
    assert listed(close_pairs(nothing, nothing)) == []
    assert parted(likeness_of(Pictures(nothing, nothing, lambda rows: rows))) == ([], [])


def test_features_that_disagree_forbid_what_thumbnails_allow() -> None:
    hashes, thumbs = np.zeros(2, np.uint64), np.stack([np.arange(256, dtype=np.uint8).reshape(16, 16)] * 2)
    for other, n_pairs in (((0.95, 0.312), 1), ((0.0, 1.0), 0)):
        values = np.array([(1.0, 0.0), other], np.float32)
        features = Features(np.arange(2), values, values)
        pictures = Pictures(hashes, hashes, thumbs.__getitem__, features=features)
        for way in (alike_by_bands, alike_by_tiles):
            assert len(listed(way(pictures))) == n_pairs
        assert len(Asked(pictures, np.ones(2)).neighbours(1)) == n_pairs


@st.composite
def resembling(draw: st.DrawFn) -> Pictures:
    """Up to 24 pictures of up to three motifs, with hashes and thumbnails more or less apart."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    motif = rng.integers(0, draw(st.integers(1, 3)), draw(st.integers(0, 24)))
    flips = rng.integers(0, 64, (2, len(motif), draw(st.integers(1, 6)))).astype(np.uint64)
    flipped = np.bitwise_or.reduce(np.uint64(1) << flips, axis=2)
    hashes, others = rng.integers(0, 2**64, 3, np.uint64)[motif] ^ flipped
    noise = rng.normal(0, draw(st.floats(0, 40)), (len(motif), 16, 16))
    thumbs = np.clip(rng.integers(0, 256, (3, 16, 16))[motif] + noise, 0, 255).astype(np.uint8)
    is_mirrored = draw(st.booleans())
    return Pictures(hashes, others if is_mirrored else hashes, thumbs.__getitem__, mirrored=is_mirrored)


def by_hand(pictures: Pictures) -> list[tuple[int, int]]:
    """The pairs that are alike, one after the other."""
    found = []
    for i, j in combinations(range(len(pictures.hashes)), 2):
        one, other = pictures.thumbs(np.array([i, j])).astype(float)
        correlation = np.corrcoef(one.ravel(), (other[:, ::-1] if pictures.mirrored else other).ravel())[0, 1]
        is_near = int(pictures.hashes[i] ^ pictures.others[j]).bit_count() <= MOST_BITS
        if is_near and correlation >= LEAST_CORRELATION:
            found.append((i, j))
    return found


@given(resembling())
def test_every_way_finds_what_comparing_one_by_one_finds(pictures: Pictures) -> None:
    pairs = by_hand(pictures)
    for way in (alike_by_bands, alike_by_tiles):
        assert listed(way(pictures)) == pairs
    n = len(pictures.hashes)
    expected = parted(Listed(np.array(pairs, np.int64).reshape(-1, 2), n))
    for most_listed in (0, 3, 1_000):
        assert parted(likeness_of(pictures, most_listed=most_listed)) == expected


def burst(n: int, n_bits: int) -> Pictures:
    """Frames of a camera that does not move: hashes up to ``n_bits`` from one another, thumbnails with noise."""
    rng = np.random.default_rng(0)
    hashes = np.full(n, 0x1234_5678_9ABC_DEF0, np.uint64)
    for row in range(n if n_bits else 0):
        hashes[row] ^= np.uint64(1) << np.uint64(rng.integers(0, 64))
    thumbs = np.clip(rng.integers(0, 256, (16, 16)) + rng.integers(-2, 3, (n, 16, 16)), 0, 255).astype(
        np.uint8
    )
    return Pictures(hashes, hashes, thumbs.__getitem__)


@pytest.mark.parametrize("n_bits", [0, 2])
def test_thousands_of_frames_are_one_group_in_little_memory(n_bits: int) -> None:
    pictures = burst(5_000, n_bits)
    tracemalloc.start()
    alike = likeness_of(pictures)
    found = parted(alike)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == ([list(range(5_000))], [])
    assert alike.counts.sum() == 5_000 * 4_999, "twelve million pairs, each from both sides"
    assert peak < 100e6


def test_a_long_drift_is_many_groups_with_few_links_that_tie_them_all() -> None:
    """Of 3,000 frames each is alike some hundreds; two groups beside each other have thousands of such pairs."""
    rng = np.random.default_rng(1)
    scenes = rng.integers(0, 256, (4, 16, 16))
    places = np.linspace(0, 2.999, 3_000)
    share = (places % 1)[:, None, None]
    thumbs = (scenes[places.astype(int)] * (1 - share) + scenes[places.astype(int) + 1] * share).astype(
        np.uint8
    )
    hashes = np.zeros(3_000, np.uint64)
    pictures = Pictures(hashes, hashes, thumbs.__getitem__)
    groups, links = parted(likeness_of(pictures, most_listed=1_000))
    assert sorted(row for group in groups for row in group) == list(range(3_000))
    place = {row: rank for rank, group in enumerate(groups) for row in group}
    named = Counter(frozenset((place[i], place[j])) for i, j in links)
    assert max(named.values()) == MOST_LINKS
    reached = {0}
    for _ in groups:
        reached |= {rank for pair in named if reached & pair for rank in pair}
    assert reached == set(range(len(groups)))
    for first, *others in groups:
        assert pictures.are_same(np.array([sorted((first, row)) for row in others])).all()


@pytest.mark.parametrize("sees_a_difference", [False, True])
def test_features_are_asked_for_likely_duplicates_alone_and_must_confirm_them(
    tmp_path: Path, sees_a_difference: bool
) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    save(scene(3), tmp_path / "ants" / "again.jpg", quality=60)
    save(scene(3), tmp_path / "ants" / "copy.png")
    save(ImageOps.mirror(scene(7)), tmp_path / "bees" / "turned.png")
    asked: list[tuple[bool, list[str]]] = []

    def features(paths: Sequence[Path], *, mirrored: bool) -> np.ndarray:
        """As a network that sees the same everywhere, or that tells a file from every other."""
        asked.append((mirrored, sorted(path.name for path in paths)))
        return np.eye(len(paths)) + mirrored if sees_a_difference else np.ones((len(paths), 3))

    report = inspect_source(open_source(tmp_path), features=features)
    same, turned = ["3.png", "again.jpg"], ["7.png", "turned.png"]
    assert asked == [(False, same), (False, turned), (True, turned)]
    assert report.to_json()["feature_check"] == {"candidates": 2, "turned_down": 2 * sees_a_difference}
    assert bool(report.near_duplicates) is bool(report.mirrored_duplicates) is not sees_a_difference
    assert len(report.exact_duplicates) == 1


def test_without_likely_duplicates_no_features_are_asked_for(tmp_path: Path) -> None:
    def features(paths: Sequence[Path], *, mirrored: bool) -> np.ndarray:
        raise AssertionError(paths)

    report = inspect_source(open_source(draw_scenes(tmp_path, {"ants": 3, "bees": 3})), features=features)
    assert report.feature_check == (0, 0)
    assert inspect_source(open_source(tmp_path)).feature_check is None


def test_a_large_group_is_named_by_its_first_images(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    for quality in range(60, 75):
        save(scene(3), tmp_path / "ants" / f"again{quality}.jpg", quality=quality)
    (example,) = found(inspected(tmp_path), "near-duplicate").examples
    assert example.count(" = ") == MOST_NAMED
    assert example.endswith(" = … (16 in all)")


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


def test_an_exact_copy_in_another_split_is_no_leak_of_files_that_differ(tmp_path: Path) -> None:
    """The copy is told as one; without it all that shows the picture is in train."""
    draw_scenes(tmp_path, {"train/ants": 20, "train/bees": 20, "val/ants": 5, "val/bees": 5})
    save(scene(2), tmp_path / "val" / "ants" / "copy.png")
    save(scene(2), tmp_path / "train" / "ants" / "again.jpg", quality=50)
    report = inspected(tmp_path)
    assert found(report, "duplicate-across-splits").examples == ("train/ants/2.png = val/ants/copy.png",)
    assert "near-duplicate" in kinds(report)
    assert "near-duplicate-across-splits" not in kinds(report)
    save(scene(2), tmp_path / "val" / "ants" / "third.jpg", quality=40)
    assert found(inspected(tmp_path), "near-duplicate-across-splits").count == 1


def test_an_exact_copy_in_another_class_is_no_contradiction_of_files_that_differ(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20})
    save(scene(2), tmp_path / "bees" / "copy.png")
    save(scene(2), tmp_path / "ants" / "again.jpg", quality=50)
    assert kinds(inspected(tmp_path)) == {"conflicting-labels", "near-duplicate", "odd-format"}
    save(scene(2), tmp_path / "bees" / "third.jpg", quality=40)
    assert "near-conflicting-labels" in kinds(inspected(tmp_path))


def test_an_exact_copy_in_another_split_is_no_mirrored_leak(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"train/ants": 20, "train/bees": 20, "val/ants": 5, "val/bees": 5})
    save(scene(2), tmp_path / "val" / "ants" / "copy.png")
    save(ImageOps.mirror(scene(2)), tmp_path / "train" / "ants" / "turned.png")
    assert kinds(inspected(tmp_path)) >= {"duplicate-across-splits", "mirrored-duplicate"}
    assert "mirrored-across-splits" not in kinds(inspected(tmp_path))
    (tmp_path / "train" / "ants" / "2.png").unlink()
    assert "mirrored-across-splits" in kinds(inspected(tmp_path))


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
