"""Files that vanish, folders that nobody may write to, links in circles, and names in every alphabet."""

import os
import unicodedata
from pathlib import Path

import pytest
from drawing import draw_set, picture, save
from test_health import found, kinds

from finetune.data.health import inspect_source
from finetune.data.health.index import open_index, stamp_of
from finetune.data.health.thumbnails import class_thumbnails, finding_thumbnails
from finetune.data.images import load_rgb
from finetune.data.sources import open_source

GONE = "cannot be read: no such file or directory"


# What vanishes meanwhile.


@pytest.mark.parametrize("was_seen", [False, True], ids=["never seen", "seen before"])
@pytest.mark.parametrize("many", [1_000, 10], ids=["threads", "processes"])
def test_a_file_that_vanishes_after_it_was_listed_is_quarantined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_seen: bool, many: int
) -> None:
    monkeypatch.setattr("finetune.data.health.scan.MANY", many)
    source = open_source(draw_set(tmp_path, {"ants": 20, "bees": 20}))
    if was_seen:
        inspect_source(source, workers=2)
    (tmp_path / "ants" / "3.png").unlink()
    report = inspect_source(source, workers=2)
    assert [(item.name, item.reason) for item in report.quarantine] == [("ants/3.png", GONE)]
    assert report.usable
    assert report.classes == {"ants": 19, "bees": 20}


def test_a_folder_that_vanishes_after_it_was_listed_is_a_class_without_images(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path, {"ants": 3, "bees": 3, "wasps": 3}))
    for path in sorted((tmp_path / "wasps").iterdir()):
        path.unlink()
    (tmp_path / "wasps").rmdir()
    report = inspect_source(source)
    assert not report.usable
    assert "class 'wasps' has no readable images" in found(report, "empty-class").message
    assert {item.reason for item in report.quarantine} == {GONE}


def test_a_file_that_vanishes_after_it_was_looked_at_costs_its_picture_alone(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 3, "bees": 3})
    save(picture(1).convert("L"), tmp_path / "ants" / "grey.png")
    report = inspect_source(open_source(tmp_path))
    before = class_thumbnails(report.images)
    assert len({shown["source"] for shown in before}) == len(before) == 7
    assert set(finding_thumbnails(report)) >= {"ants/grey.png"}
    (tmp_path / "ants" / "grey.png").unlink()
    (tmp_path / "bees" / "0.png").unlink()
    assert len(class_thumbnails(report.images)) == len(before) - 2
    assert "ants/grey.png" not in finding_thumbnails(report)


# What may not be written to.


def test_a_read_only_folder_is_inspected_and_left_as_it_is(tmp_path: Path) -> None:
    root = draw_set(tmp_path / "set", {"ants": 3, "bees": 3})
    everything = [root, *sorted(root.rglob("*"))]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    stamps = {path: stamp_of(path) for path in everything}
    try:
        report = inspect_source(open_source(root))
    finally:
        changed = {path: stamp_of(path) for path in [root, *sorted(root.rglob("*"))]} != stamps
        for path in everything:
            path.chmod(0o755)
    assert not changed
    assert report.usable
    assert len(report.images) == 6


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_index_in_a_read_only_folder_costs_time_and_nothing_else(
    tmp_path: Path, cache_of_the_test: Path
) -> None:
    source = open_source(draw_set(tmp_path, {"ants": 3, "bees": 3}))
    cache_of_the_test.chmod(0o555)
    try:
        assert inspect_source(source).usable
    finally:
        cache_of_the_test.chmod(0o755)


# Links in circles.


def test_links_that_lead_to_themselves_are_broken_links(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 3, "bees": 3})
    (tmp_path / "ants" / "self.png").symlink_to("self.png")
    (tmp_path / "bees" / "here.png").symlink_to("there.png")
    (tmp_path / "bees" / "there.png").symlink_to("here.png")
    (tmp_path / "wasps").symlink_to("wasps")
    source = open_source(tmp_path)
    assert source.class_names == ("ants", "bees")
    assert {item.name: item.reason for item in source.skipped} == dict.fromkeys(
        ["ants/self.png", "bees/here.png", "bees/there.png", "wasps"], "is a broken link"
    )
    assert kinds(inspect_source(source)) >= {"skipped-image"}


def test_folders_that_link_to_each_other_are_walked_once(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 3, "bees": 3})
    (tmp_path / "ants" / "others").symlink_to("../bees")
    (tmp_path / "bees" / "others").symlink_to("../ants")
    source = open_source(tmp_path)
    assert {item.name: item.reason for item in source.skipped} == dict.fromkeys(
        ["ants/others/others", "bees/others/others"], "is a link to a folder around it"
    )
    assert len(source.images) == 12


def test_a_folder_named_like_an_image_is_one_only_where_it_holds_some(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 3, "bees": 3, "bees/album.jpg": 1})
    (tmp_path / "ants" / "album.jpg").mkdir()
    source = open_source(tmp_path)
    assert [(item.name, item.reason) for item in source.skipped] == [
        ("ants/album.jpg", "is a folder, not an image")
    ]
    assert "bees/album.jpg/0.png" in {image.name for image in source.images}
    assert kinds(inspect_source(source)) >= {"skipped-image"}


# Names.

CLASSES = ("🐝 Bienen", "Größe", "猫", "кот", "قطة", "👩‍🔬")


def test_names_in_every_alphabet_go_through_the_check_and_its_index(tmp_path: Path) -> None:
    draw_set(tmp_path, dict.fromkeys(CLASSES, 3))
    save(picture(99), tmp_path / "猫" / "🦋 ü 'x' \"y\" [z] %s {0}.png")
    source = open_source(tmp_path)
    assert set(source.class_names) == set(CLASSES)
    report = inspect_source(source)
    assert report.quarantine == ()
    assert set(report.classes) == set(CLASSES)
    with open_index() as index:
        known = index.known(
            {str(image.path): stamp for image in source.images if (stamp := stamp_of(image.path))}
        )
    assert set(known) == {str(image.path) for image in source.images}
    assert inspect_source(source).to_json() == report.to_json()


def test_names_that_differ_by_case_or_by_form_are_different_files(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "café.png") for form in ("NFC", "NFD"))
    names = ["a.png", "A.png", "a.PNG", composed, decomposed]
    for number, name in enumerate(names):
        save(picture(number), tmp_path / "ants" / name, format="PNG")
    draw_set(tmp_path, {"bees": 3})
    if len(list((tmp_path / "ants").iterdir())) < len(names):
        pytest.skip("this disk takes some for one")
    report = inspect_source(open_source(tmp_path))
    assert report.classes == {"ants": 5, "bees": 3}
    assert {image.name for image in report.images if image.label == "ants"} == {
        f"ants/{name}" for name in names
    }
    shown = {image.name: load_rgb(image.path).tobytes() for image in report.images}
    assert shown["ants/a.png"] == picture(0).tobytes()
    assert shown["ants/A.png"] == picture(1).tobytes()


def test_class_folders_that_differ_by_case_are_two_classes_and_told(tmp_path: Path) -> None:
    draw_set(tmp_path, {"Ants": 3, "bees": 3})
    save(picture(50), tmp_path / "ants" / "0.png")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this disk takes both for one")
    for number in (51, 52):
        save(picture(number), tmp_path / "ants" / f"{number}.png")
    report = inspect_source(open_source(tmp_path))
    assert report.classes == {"Ants": 3, "ants": 3, "bees": 3}
    assert found(report, "similar-class-names").examples == (
        "Ants, ants: the same but for case or separators",
    )
