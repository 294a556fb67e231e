"""The health check counts groups as the split does, and tells those that the data's own splits tear."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from drawing import draw_set
from hypothesis import given
from hypothesis import strategies as st
from test_health import found, inspected, kinds

from finetune.data.health.findings import Evidence
from finetune.data.images import ImageFacts
from finetune.data.sources import LabelledImage, Source
from finetune.data.split import split_images
from finetune.data.units import parts_of
from finetune.errors import DataError

Row = tuple[str, ...]


def manifest(root: Path, columns: str, rows: Sequence[Row]) -> Path:
    """A set of different images i/0.png, i/1.png, …, one for each of ``rows``, whose paths come first."""
    draw_set(root, {"i": len(rows)})
    with (root / "set.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *columns.split(",")])
        writer.writerows([f"i/{number}.png", *row] for number, row in enumerate(rows))
    return root / "set.csv"


def roses(n: int = 20) -> list[Row]:
    return [("rose", f"r{i}") for i in range(n)]


def test_a_class_of_one_group_cannot_be_trained_on(tmp_path: Path) -> None:
    path = manifest(tmp_path, "label,group", [("daisy", "7")] * 30 + roses())
    report = inspected(path)
    assert not report.usable
    finding = found(report, "tiny-class")
    assert (finding.severity, finding.count, finding.examples) == ("error", 1, ("daisy",))
    assert finding.message == (
        f"class 'daisy' has 30 images in {path} but only in 1 group, and a split needs 3; "
        "add images of other groups or drop it with --exclude daisy"
    )


@pytest.mark.parametrize(
    ("groups", "usable"),
    [
        (["7"] * 9, False),
        (["7", "8"] * 5, False),
        (["7", "8", "9"] * 3, True),
        (["7"] * 9 + [""], False),
        (["7", "7", "", ""], True),
        (["r0", "r1", "r1"], False),
        (["r0", "r1", "r2"], True),
        (["", "", ""], True),
        (["", ""], False),
    ],
)
def test_what_is_called_usable_is_split_and_the_rest_refused_in_the_same_words(
    tmp_path: Path, groups: list[str], usable: bool
) -> None:
    report = inspected(manifest(tmp_path, "label,group", [("daisy", group) for group in groups] + roses()))
    assert report.usable == usable
    if usable:
        assert len(split_images(report, seed=0).test) > 0
    else:
        with pytest.raises(DataError) as refusal:
            split_images(report, seed=0)
        assert str(refusal.value) == found(report, "tiny-class").message


def test_copies_that_tie_groups_together_leave_fewer(tmp_path: Path) -> None:
    path = manifest(tmp_path, "label,group", [("daisy", "7"), ("daisy", "8"), ("daisy", "9"), *roses()])
    assert inspected(path).usable
    shutil.copyfile(tmp_path / "i" / "0.png", tmp_path / "i" / "1.png")
    assert "only in 2 groups, and a split needs 3" in found(inspected(path), "tiny-class").message


def test_groups_in_test_rows_do_not_help_a_class_in_train(tmp_path: Path) -> None:
    rows = [("daisy", "7", "train")] * 5 + [("daisy", "8", "test"), ("daisy", "9", "test")]
    rows += [("rose", f"r{i}", "train") for i in range(20)]
    report = inspected(manifest(tmp_path, "label,group,split", rows))
    assert "has 5 images in" in found(report, "tiny-class").message
    assert "only in 1 group, and a split needs 2" in found(report, "tiny-class").message


def test_a_group_in_more_than_one_given_split_is_a_leak(tmp_path: Path) -> None:
    rows = [(label, f"{label} {i}", "train") for label in ("ant", "bee") for i in range(20)]
    rows += [
        ("ant", "ant 3", "test"),
        ("ant", "ant 3", "val"),
        ("bee", "bee 5", "val"),
        ("bee", "new", "test"),
    ]
    report = inspected(manifest(tmp_path, "label,group,split", rows))
    assert report.usable
    finding = found(report, "group-across-splits")
    assert (finding.severity, finding.count) == ("warning", 2)
    assert finding.message == (
        "2 groups lie in more than one split, which makes the accuracy look better than it is; "
        "keep the images of each in one"
    )
    assert [example.split(":")[0] for example in finding.examples] == ["ant 3", "bee 5"]
    assert set(finding.examples[0].removeprefix("ant 3: in ").split(" and ")) == {"train", "val", "test"}
    assert [set(names) for names in finding.images] == [
        {"i/3.png", "i/40.png", "i/41.png"},
        {"i/25.png", "i/42.png"},
    ]


def test_groups_are_no_leak_where_splits_are_to_be_cut_or_keep_them_whole(tmp_path: Path) -> None:
    rows = [(label, f"{i % 7}") for label in ("ant", "bee") for i in range(20)]
    assert "group-across-splits" not in kinds(inspected(manifest(tmp_path / "cut", "label,group", rows)))
    whole = [(label, group, "val" if group == "0" else "train") for label, group in rows]
    report = inspected(manifest(tmp_path / "whole", "label,group,split", whole))
    assert "group-across-splits" not in kinds(report)


@given(st.lists(st.tuples(st.sampled_from(("daisy", "rose")), st.integers(0, 4)), min_size=1, max_size=12))
def test_without_groups_a_class_counts_its_different_contents(rows: list[tuple[str, int]]) -> None:
    images = tuple(
        LabelledImage(Path(f"/{n}.png"), f"{n}.png", label, None) for n, (label, _) in enumerate(rows)
    )
    facts = {
        image.name: ImageFacts(8, 8, "RGB", "PNG", False, f"{content:064x}")
        for image, (_, content) in zip(images, rows, strict=True)
    }
    evidence = Evidence(Source("set", Path("/"), images, ("daisy", "rose"), {}, ()), images, facts, {})
    parts = parts_of(images, facts)
    for name in ("daisy", "rose"):
        assert evidence.train_units[name] == sum(any(i.label == name for i in part) for part in parts)
