"""Clusters of near-duplicates are dealt as fairly as single images, and only a class in need is untied."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_split import SIDES, report_of, with_images

from finetune.data.health import HealthReport
from finetune.data.split import Split, split_images
from finetune.data.units import units_of
from finetune.errors import DataError

N_UNITS = 400
SHARE = 0.15
CHANCE = 5 * (N_UNITS * SHARE * (1 - SHARE)) ** 0.5
"""Five standard deviations, in units: one split in a million is further off."""

seeds = st.integers(0, 2**32)
words = st.text("abcdefghij", min_size=3, max_size=3)


def clusters(n_units: int, size: int) -> HealthReport:
    """One class of ``n_units`` clusters of ``size`` near-duplicates each."""
    report = report_of({"ants": [f"{unit}/{member}" for unit in range(n_units) for member in range(size)]})
    names = [image.name for image in report.images]
    near = tuple(tuple(names[start : start + size]) for start in range(0, len(names), size))
    return replace(report, near_duplicates=near if size > 1 else ())


def one_unit(contents: list[str], *, group: str | None = None, n_grouped: int = 0) -> HealthReport:
    """Near-duplicates with these ``contents``, the first ``n_grouped`` of one group."""
    report = report_of({"ants": contents})
    images = [replace(im, group=group if i < n_grouped else None) for i, im in enumerate(report.images)]
    names = tuple(image.name for image in images)
    return replace(with_images(report, images), near_duplicates=(names,) if len(names) > 1 else ())


def place(report: HealthReport, seed: int) -> float:
    (unit,) = units_of(report.images, report, seed=seed)
    return unit.place


def sides_of(split: Split) -> dict[str, str]:
    return {image.name: side for side in SIDES for image in getattr(split, side)}


def parted(split: Split, groups: tuple[tuple[str, ...], ...]) -> list[tuple[str, ...]]:
    """Those of ``groups`` that lie on more than one side."""
    sides = sides_of(split)
    return [group for group in groups if len({sides[name] for name in group}) > 1]


@settings(max_examples=25)
@given(st.integers(1, 8), seeds)
def test_clusters_of_any_size_are_test_and_val_as_often_as_their_share(size: int, seed: int) -> None:
    split = split_images(clusters(N_UNITS, size), seed=seed)
    for side in (split.val, split.test):
        assert abs(len(side) / size - N_UNITS * SHARE) <= CHANCE


@given(st.lists(words, min_size=1, max_size=9, unique=True), words, seeds)
def test_an_added_near_duplicate_moves_its_unit_only_as_the_representative(
    contents: list[str], added: str, seed: int
) -> None:
    before, after = place(one_unit(contents), seed), place(one_unit([*contents, added]), seed)
    assert (before == after) == (added >= min(contents))


@given(st.lists(words, min_size=1, max_size=9, unique=True), words, seeds)
def test_an_added_near_duplicate_never_moves_a_group(contents: list[str], added: str, seed: int) -> None:
    grouped = one_unit(contents, group="patient 7", n_grouped=len(contents))
    joined = one_unit([*contents, added], group="patient 7", n_grouped=len(contents))
    assert place(grouped, seed) == place(joined, seed)


def rose_pairs(n: int) -> tuple[tuple[str, ...], ...]:
    return tuple((f"rose/{i}.png", f"rose/{i + n}.png") for i in range(n))


def test_one_class_of_near_duplicates_unties_no_other_class() -> None:
    report = report_of({"daisy": ["x", "y", "z"], "rose": [f"r{i}" for i in range(80)]})
    pairs = rose_pairs(40)
    alike = replace(report, near_duplicates=(("daisy/0.png", "daisy/1.png"), *pairs))
    split = split_images(alike, seed=0)
    assert parted(split, pairs) == []
    assert {sides_of(split)[f"daisy/{i}.png"] for i in range(3)} == set(SIDES)
    assert split.notes == (
        "class 'daisy' has fewer than 3 images that are no near-duplicates of each other, so these near-duplicates "
        "may lie on two sides of the split, which makes the accuracy look better than it is",
    )


def test_every_class_that_is_untied_is_named() -> None:
    report = report_of(
        {"daisy": ["x", "y", "z"], "rose": [f"r{i}" for i in range(40)], "tulip": ["u", "v", "w"]}
    )
    near = tuple(tuple(f"{label}/{i}.png" for i in range(3)) for label in ("daisy", "tulip"))
    (note,) = split_images(replace(report, near_duplicates=near), seed=0).notes
    assert note.startswith(
        "classes 'daisy', 'tulip' each have fewer than 3 images that are no near-duplicates"
    )


def test_near_duplicates_of_another_class_are_untied_where_their_groups_tie_the_class_in_need() -> None:
    report = report_of({"daisy": ["x", "y", "z"], "rose": [f"r{i}" for i in range(40)]})
    group_of = {f"{label}/{i}.png": f"g{i}" for label in ("daisy", "rose") for i in range(3)}
    images = [replace(image, group=group_of.get(image.name)) for image in report.images]
    chained = tuple(f"rose/{i}.png" for i in range(3))
    apart = (("rose/10.png", "rose/11.png"),)
    grouped = replace(with_images(report, images), near_duplicates=(chained, *apart))
    split = split_images(grouped, seed=0)
    assert {sides_of(split)[f"daisy/{i}.png"] for i in range(3)} == set(SIDES)
    assert parted(split, tuple((f"daisy/{i}.png", f"rose/{i}.png") for i in range(3))) == []
    assert parted(split, apart) == []
    assert "class 'daisy' has fewer than 3" in split.notes[0]


def test_groups_are_not_broken_for_a_class_in_need() -> None:
    report = report_of({"daisy": ["x", "y", "z", "w"], "rose": [f"r{i}" for i in range(40)]})
    images = [replace(im, group="one" if im.label == "daisy" else None) for im in report.images]
    grouped = replace(with_images(report, images), near_duplicates=rose_pairs(20))
    match = (
        "^class 'daisy' has 4 images in set but only in 1 group, and a split needs 3; "
        "add images of other groups or drop it with --exclude daisy$"
    )
    with pytest.raises(DataError, match=match):
        split_images(grouped, seed=0)
