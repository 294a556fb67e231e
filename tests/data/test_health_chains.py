"""Pictures each like the next, the last unlike the first, are several groups and one unit of a split."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_scenes, save, scene
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_health import found, inspected

from finetune.data.health.likeness import Listed
from finetune.data.health.look import THUMB_PX, look_at
from finetune.data.health.near import LEAST_CORRELATION, MOST_BITS
from finetune.data.health.report import HealthReport
from finetune.data.health.stars import parted
from finetune.data.split import split_images

N_FRAMES = 13

edges = st.tuples(st.integers(0, 15), st.integers(0, 15)).filter(lambda pair: pair[0] < pair[1])


def fade(root: Path) -> list[str]:
    """Let one scene become another in small steps, and return the names of the steps in order."""
    first, last = scene(201), scene(202)
    for step in range(N_FRAMES):
        save(Image.blend(first, last, step / (N_FRAMES - 1)), root / f"{step:02d}.png")
    return [f"{root.name}/{step:02d}.png" for step in range(N_FRAMES)]


def are_alike(first: Path, second: Path) -> bool:
    """Judge two pictures by the two measures that make a near-duplicate."""
    (one, thumb), (other, other_thumb) = (
        look_at(Image.open(path).convert("RGB")) for path in (first, second)
    )
    values = [np.frombuffer(content, np.uint8).astype(float) for content in (thumb, other_thumb)]
    assert values[0].size == THUMB_PX**2
    is_near = (one.phash ^ other.phash).bit_count() <= MOST_BITS
    return is_near and bool(np.corrcoef(*values)[0, 1] >= LEAST_CORRELATION)


@pytest.fixture
def faded(tmp_path: Path) -> tuple[HealthReport, list[str], Path]:
    draw_scenes(tmp_path, {"ants": 20, "bees": 20, "fade": 20})
    names = fade(tmp_path / "fade")
    return inspected(tmp_path), names, tmp_path


def test_a_chain_hangs_together_and_its_ends_are_other_pictures(
    faded: tuple[HealthReport, list[str], Path],
) -> None:
    report, names, root = faded
    assert not are_alike(root / names[0], root / names[-1])
    reached, ties = {names[0]}, (*report.near_duplicates, *report.near_links)
    for _ in ties:
        reached |= {name for tie in ties if reached & set(tie) for name in tie}
    assert reached == set(names)


def test_each_member_of_a_group_is_like_the_group_s_first(
    faded: tuple[HealthReport, list[str], Path],
) -> None:
    report, names, root = faded
    assert sorted(name for group in report.near_duplicates for name in group) == names
    assert len(report.near_duplicates) > 1
    for first, *others in report.near_duplicates:
        assert others
        assert all(are_alike(root / first, root / name) for name in others)


def test_a_chain_is_kept_on_one_side_of_the_split_whole(faded: tuple[HealthReport, list[str], Path]) -> None:
    report, names, _ = faded
    for seed in range(5):
        split = split_images(report, seed=seed)
        sides = [{image.name for image in side} & set(names) for side in (split.train, split.val, split.test)]
        assert sorted(map(len, sides)) == [0, 0, N_FRAMES]


def test_a_leak_between_two_groups_is_told(tmp_path: Path) -> None:
    draw_scenes(tmp_path, {"train/ants": 20, "train/bees": 20, "test/ants": 5, "test/bees": 5})
    fade(tmp_path / "train" / "fade")
    inside = {name: rank for rank, group in enumerate(inspected(tmp_path).near_duplicates) for name in group}
    cut = next(two for two in pairwise(sorted(inside)) if inside[two[0]] != inside[two[1]])
    moved = tmp_path / "test" / "fade"
    moved.mkdir()
    for path in sorted((tmp_path / "train" / "fade").iterdir()):
        if f"train/fade/{path.name}" > cut[0]:
            path.rename(moved / path.name)
    leaks = {frozenset(group) for group in found(inspected(tmp_path), "near-duplicate-across-splits").images}
    pair = {cut[0], cut[1].replace("train/", "test/")}
    assert any(pair <= group for group in leaks)


@given(st.sets(edges, max_size=30))
def test_every_row_is_in_one_group_and_alike_its_first(pairs: set[tuple[int, int]]) -> None:
    groups, links = parted(Listed(np.array(sorted(pairs), np.int64).reshape(-1, 2), 16))
    members = [row for group in groups for row in group]
    assert len(members) == len(set(members))
    assert set(members) == {row for pair in pairs for row in pair}
    for first, *others in groups:
        assert others == sorted(others)
        assert others
        assert all((min(first, row), max(first, row)) in pairs for row in others)
    place = {row: rank for rank, group in enumerate(groups) for row in group}
    assert links == [(i, j) for i, j in sorted(pairs) if place[i] != place[j]]
    assert [min(group) for group in groups] == sorted(min(group) for group in groups)


def test_what_is_all_alike_is_one_group_with_the_least_row_first() -> None:
    everything = np.array([(i, j) for i in range(300) for j in range(i + 1, 300)])
    assert parted(Listed(everything, 300)) == ([list(range(300))], [])


@pytest.mark.parametrize(
    ("pairs", "groups", "links"),
    [
        ([(0, 1), (1, 2)], [[1, 0, 2]], []),
        ([(0, 1), (1, 2), (2, 3)], [[1, 0], [2, 3]], [(1, 2)]),
        ([(0, 1), (0, 2), (1, 3), (2, 4)], [[2, 0, 4], [1, 3]], [(0, 1)]),
    ],
    ids=["a star", "a chain of four", "rows left alone take members of a group, the last with its first"],
)
def test_small_parts_by_hand(
    pairs: list[tuple[int, int]], groups: list[list[int]], links: list[tuple[int, int]]
) -> None:
    assert parted(Listed(np.array(pairs), 5)) == (groups, links)
