"""A cleaning that would take all images of a class says which, why, and what to do, and writes nothing."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cleaning_sets import tree
from conftest import Finetune, draw_colours
from drawing import draw_set


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    return draw_colours(tmp_path / "set", {"apple": 4, "lime": 4, "plum": 2})


@pytest.fixture
def refused(finetune: Finetune, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Clean ``tmp_path/set`` to a copy and to a manifest, both refused with one sentence; nothing is written."""

    def call(*options: str) -> str:
        before = tree(tmp_path)
        copy = finetune("clean", tmp_path / "set", "--out", tmp_path / "a" / "out", *options)
        listed = finetune("clean", tmp_path / "set", "--manifest", tmp_path / "sound.csv", *options)
        assert (copy.code, listed.code, listed.error) == (3, 3, copy.error)
        assert tree(tmp_path) == before
        return copy.error.replace(str(tmp_path / "set"), "set")

    return call


def test_a_class_of_which_nothing_can_be_read(
    refused: Callable[..., str], finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    for path in (colours / "plum").iterdir():
        path.write_bytes(b"no image")
    assert refused() == (
        "error: class 'plum' of set would have no image left: 2 cannot be read; correct that in the set, "
        "clean with --no-quarantine or leave it out with --exclude plum"
    )
    assert finetune("clean", colours, "--out", tmp_path / "1", "--exclude", "plum").code == 0
    assert finetune("clean", colours, "--out", tmp_path / "2", "--no-quarantine").code == 0
    assert (tmp_path / "2" / "data" / "plum" / "0.png").read_bytes() == b"no image"


def test_a_class_whose_images_lie_in_another_too_or_cannot_be_read(
    refused: Callable[..., str], finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    (colours / "plum" / "0.png").write_bytes(b"no image")
    shutil.copy(colours / "plum" / "1.png", colours / "lime" / "9.png")
    assert refused() == (
        "error: class 'plum' of set would have no image left: 1 cannot be read and 1 lies in another class too, "
        "byte for byte; correct that in the set, clean with --no-quarantine and with --no-dedupe "
        "or leave it out with --exclude plum"
    )
    assert finetune("clean", colours, "--out", tmp_path / "1", "--no-dedupe").code == 0
    answer = finetune("clean", colours, "--out", tmp_path / "2", "--exclude", "plum", "--json")
    assert answer.json["actions"]["copy"] == 9, "what lay in both stays in the class that is left"


def test_two_classes_that_hold_the_same_images_and_only_one_beside_them(
    refused: Callable[..., str], colours: Path
) -> None:
    shutil.rmtree(colours / "plum")
    shutil.copytree(colours / "lime", colours / "plum")
    assert refused() == (
        "error: classes 'lime' and 'plum' of set would have no image left: 8 lie in another class too, "
        "byte for byte; correct that in the set or clean with --no-dedupe"
    ), "without both no classifier can be trained, so leaving them out is no way"
    shutil.rmtree(colours / "apple")
    assert "error: no image would be left of set: 8 lie in another class too" in refused()


def test_a_class_whose_training_images_are_copies_of_test(
    refused: Callable[..., str], finetune: Finetune, tmp_path: Path
) -> None:
    counts = {f"{split}/{label}": 3 for split in ("train", "test") for label in "abc"}
    root = draw_colours(tmp_path / "set", counts)
    shutil.rmtree(root / "train" / "b")
    shutil.copytree(root / "test" / "b", root / "train" / "b")
    assert refused() == (
        "error: class 'b' of set would have no image of train left: 3 are copies of some in another split; "
        "correct that in the set, clean with --no-dedupe or leave it out with --exclude b"
    )
    assert finetune("clean", root, "--out", tmp_path / "out", "--no-dedupe").code == 0


def test_of_many_emptied_classes_the_first_are_named(refused: Callable[..., str], tmp_path: Path) -> None:
    root = draw_set(tmp_path / "set", dict.fromkeys(["a", "b", *(f"damaged {i}" for i in range(5))], 1))
    for path in root.glob("damaged*/0.png"):
        path.write_bytes(b"no image")
    assert refused() == (
        "error: classes 'damaged 0', 'damaged 1', 'damaged 2' and 2 more of set would have no image left: "
        "5 cannot be read; correct that in the set, clean with --no-quarantine or leave each out with --exclude"
    )


def test_a_dry_run_shows_the_actions_before_the_refusal(finetune: Finetune, colours: Path) -> None:
    for path in (colours / "plum").iterdir():
        path.write_bytes(b"no image")
    answer = finetune("clean", colours, "--dry-run", "--json")
    assert (answer.code, "class 'plum'" in answer.error) == (3, True)
    told = json.loads(answer.out)
    assert told["actions"]["quarantine"] == 2
    assert {row["name"] for row in told["files"] if row["kind"] == "quarantine"} == {
        "plum/0.png",
        "plum/1.png",
    }


def test_a_set_that_is_packed_in_a_file_can_be_copied_but_not_listed(
    finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    shutil.make_archive(str(tmp_path / "packed"), "zip", colours)
    answer = finetune("clean", tmp_path / "packed.zip", "--manifest", tmp_path / "sound.csv")
    assert (answer.code, "are packed in one; write a copy with --out DIR" in answer.error) == (2, True)
    copied = finetune("clean", tmp_path / "packed.zip", "--out", tmp_path / "out", "--json")
    assert (copied.code, copied.json["kept"]) == (0, 10)
