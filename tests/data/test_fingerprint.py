"""A set's fingerprint follows its content and labels, not where it lies or how it is packed."""

import shutil
from pathlib import Path

import pytest
from drawing import picture, save

from finetune.data.fingerprint import fingerprint, fingerprint_of, image_digests
from finetune.data.sources import open_source


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    for number in range(6):
        save(picture(number), tmp_path / "flowers" / ("daisy", "rose")[number % 2] / f"{number}.png")
    return tmp_path / "flowers"


def test_it_is_64_hex_digits_and_the_same_for_a_copy_elsewhere(flowers: Path, tmp_path: Path) -> None:
    found = fingerprint(open_source(flowers))
    assert len(found) == 64
    assert int(found, 16)
    assert fingerprint(open_source(shutil.copytree(flowers, tmp_path / "else" / "where"))) == found


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_zip_of_the_folder_has_the_folder_s(flowers: Path, tmp_path: Path, wrapped: bool) -> None:
    root, base = (flowers.parent, flowers.name) if wrapped else (flowers, ".")
    archive = shutil.make_archive(str(tmp_path / "packed" / "set"), "zip", root, base)
    assert fingerprint(open_source(archive)) == fingerprint(open_source(flowers))


def rename(flowers: Path) -> None:
    (flowers / "daisy" / "0.png").rename(flowers / "daisy" / "00.png")


def relabel(flowers: Path) -> None:
    (flowers / "daisy" / "0.png").rename(flowers / "rose" / "0.png")


def remove(flowers: Path) -> None:
    (flowers / "daisy" / "0.png").unlink()


def add(flowers: Path) -> None:
    save(picture(99), flowers / "daisy" / "99.png")


def change(flowers: Path) -> None:
    with (flowers / "daisy" / "0.png").open("ab") as stream:
        stream.write(b"\0")


def swap(flowers: Path) -> None:
    one, other = flowers / "daisy" / "0.png", flowers / "daisy" / "2.png"
    one.rename(flowers / "x")
    other.rename(one)
    (flowers / "x").rename(other)


def split(flowers: Path) -> None:
    """The names below each split folder change, and the split itself."""
    shutil.copytree(flowers, flowers.parent / "again")
    (flowers / "train").mkdir()
    for label in ("daisy", "rose"):
        (flowers / label).rename(flowers / "train" / label)
    (flowers.parent / "again").rename(flowers / "val")


@pytest.mark.parametrize("do", [rename, relabel, remove, add, change, swap, split])
def test_every_change_to_the_set_changes_it(flowers: Path, do: object) -> None:
    before = fingerprint(open_source(flowers))
    assert callable(do)
    do(flowers)
    assert fingerprint(open_source(flowers)) != before


def test_leaving_out_a_class_changes_it(tmp_path: Path) -> None:
    for number in range(6):
        save(picture(number), tmp_path / "set" / "abc"[number % 3] / f"{number}.png")
    assert fingerprint(open_source(tmp_path / "set", exclude=["c"])) != fingerprint(
        open_source(tmp_path / "set")
    )


def test_what_is_not_an_image_does_not_count(flowers: Path) -> None:
    before = fingerprint(open_source(flowers))
    (flowers / "notes.txt").write_text("mine")
    (flowers / ".DS_Store").write_text("x")
    assert fingerprint(open_source(flowers)) == before


def test_the_digests_tell_which_image_changed(flowers: Path) -> None:
    before = image_digests(open_source(flowers))
    change(flowers)
    after = image_digests(open_source(flowers))
    assert {name for name in before if before[name] != after[name]} == {"daisy/0.png"}
    assert fingerprint_of(after) == fingerprint(open_source(flowers))


def test_a_file_that_vanished_after_listing_is_no_error(flowers: Path) -> None:
    source = open_source(flowers)
    before = fingerprint(source)
    remove(flowers)
    assert fingerprint(source) != before
