"""A folder or a zip of labelled images is read as its maker meant it, and what is passed over is told."""

import os
import shutil
import sys
import time
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from drawing import draw_set, picture, save

from finetune.data.health import inspect_source
from finetune.data.sources import Source, open_source
from finetune.errors import ArchiveError, DataError


def counts(source: Source) -> dict[tuple[str | None, str], int]:
    return dict(Counter((image.split, image.label) for image in source.images))


def reasons(source: Source) -> dict[str, str]:
    return {item.name: item.reason for item in source.skipped}


def zipped(folder: Path, name: str = "set") -> Path:
    return Path(shutil.make_archive(str(folder.parent / name), "zip", folder))


# How a set may be laid out.


def test_a_folder_per_class_is_a_set_without_splits(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path / "set", {"bees": 2, "ants": 3}))
    assert source.class_names == ("ants", "bees")
    assert counts(source) == {(None, "ants"): 3, (None, "bees"): 2}
    assert source.split_folders == {}
    assert source.skipped == ()


def test_an_image_knows_its_path_and_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1})
    monkeypatch.chdir(tmp_path)
    source = open_source("set")
    assert source.where == "set"
    assert source.root == tmp_path / "set"
    assert [image.name for image in source.images] == ["ants/0.png", "bees/0.png"]
    assert all(image.path == tmp_path / "set" / image.name for image in source.images)


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Valid", "VAL"])
@pytest.mark.parametrize("train", ["train", "Training"])
@pytest.mark.parametrize("test", ["test", "Testing"])
def test_the_usual_split_names_are_understood(tmp_path: Path, train: str, val: str, test: str) -> None:
    folders = {f"{split}/{label}": 1 for split in (train, val, test) for label in ("ants", "bees")}
    source = open_source(draw_set(tmp_path / "set", folders))
    assert source.split_folders == {"train": train, "val": val, "test": test}
    assert counts(source) == {(s, c): 1 for s in ("train", "val", "test") for c in ("ants", "bees")}


def test_a_train_folder_alone_is_a_split(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path / "set", {"train/ants": 1, "train/bees": 1}))
    assert source.split_folders == {"train": "train"}


def test_a_test_folder_alone_only_wraps_the_classes(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path / "set", {"test/ants": 1, "test/bees": 1}))
    assert source.split_folders == {}
    assert source.root == tmp_path / "set" / "test"


def test_a_folder_named_train_that_holds_images_is_a_class_of_vehicles(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path / "set", {"train": 2, "car": 1, "bus": 1}))
    assert source.class_names == ("bus", "car", "train")
    assert source.split_folders == {}


def test_wrapping_folders_are_descended_through(tmp_path: Path) -> None:
    draw_set(tmp_path / "set" / "download" / "images", {"train/ants": 1, "train/bees": 1})
    (tmp_path / "set" / ".hidden").touch()
    (tmp_path / "set" / "download" / "readme.md").touch()
    (tmp_path / "set" / "download" / "images" / "notes.txt").touch()
    source = open_source(tmp_path / "set")
    assert source.root == tmp_path / "set" / "download" / "images"
    assert [image.name for image in source.images] == ["train/ants/0.png", "train/bees/0.png"]
    assert set(reasons(source)) == {".", "download/readme.md", "notes.txt"}


def test_images_inside_a_class_are_found_at_any_depth(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path / "set", {"ants": 1, "ants/2019/may": 2, "bees/a": 1}))
    assert counts(source) == {(None, "ants"): 3, (None, "bees"): 1}
    assert "ants/2019/may/1.png" in [image.name for image in source.images]


def test_a_class_name_is_one_name_whichever_way_its_accents_are_coded(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Käfer") for form in ("NFC", "NFD"))
    folders = {f"train/{decomposed}": 1, "train/ants": 1, f"val/{composed}": 1}
    source = open_source(draw_set(tmp_path / "set", folders))
    assert source.class_names == (composed, "ants")
    assert open_source(tmp_path / "set", exclude=()).images[0].label == composed


def test_class_names_are_sorted_as_text_and_said_so(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path / "set", {"10": 1, "2": 1, "1": 1}))
    assert source.class_names == ("1", "10", "2")


def test_val_may_lack_a_class_and_the_class_map_stays_that_of_train(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path / "set", {"train/a": 1, "train/b": 1, "train/c": 1, "val/c": 1}))
    assert source.class_names == ("a", "b", "c")


def test_two_openings_are_equal(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"b": 3, "a/z": 2, "a": 2})
    assert open_source(tmp_path / "set") == open_source(tmp_path / "set")


def test_fifty_thousand_files_list_in_seconds(tmp_path: Path) -> None:
    for label in map(str, range(10)):
        (tmp_path / label).mkdir()
        for i in range(5_000):
            (tmp_path / label / f"{i}.jpg").touch()
    start_s = time.monotonic()
    assert len(open_source(tmp_path).images) == 50_000
    assert time.monotonic() - start_s < 10


# What is passed over.


def test_hidden_and_system_files_are_counted_by_folder(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1, "__MACOSX/ants": 1, ".git": 1})
    for name in (".DS_Store", "._0.png", "Thumbs.db", "desktop.ini"):
        (tmp_path / "set" / "ants" / name).touch()
    assert reasons(open_source(tmp_path / "set")) == {
        ".": "2 hidden or system files: .git, __MACOSX",
        "ants": "4 hidden or system files: .DS_Store, ._0.png, Thumbs.db, …",
    }


def test_files_that_are_no_images_are_named(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1})
    for name in ("ants/labels.csv", "ants/README", "ants/more.zip"):
        (tmp_path / "set" / name).touch()
    os.mkfifo(tmp_path / "set" / "bees" / "pipe.jpg")
    assert reasons(open_source(tmp_path / "set")) == {
        "ants/labels.csv": "is not an image file (.csv)",
        "ants/README": "is not an image file (no ending)",
        "ants/more.zip": "is an archive inside the set, which is not opened",
        "bees/pipe.jpg": "is not an ordinary file",
    }


def test_images_outside_any_class_are_named_and_folders_without_images_too(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"": 1, "train": 1, "train/ants": 2, "train/bees": 2, "unlabelled": 3})
    (tmp_path / "set" / "train" / "wasps").mkdir()
    source = open_source(tmp_path / "set")
    assert source.class_names == ("ants", "bees")
    assert reasons(source) == {
        "0.png": "is an image outside any class folder",
        "train/0.png": "is an image outside any class folder",
        "unlabelled": "has 3 images outside the split folders' classes",
        "train/wasps": "is a folder without images",
    }


def test_a_test_folder_without_classes_does_not_make_train_a_class(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path / "set", {"train/ants": 1, "train/bees": 1, "test": 1}))
    assert source.class_names == ("ants", "bees")
    assert reasons(source) == {"test": "has 1 image outside the split folders' classes"}


def test_links_out_of_the_set_are_not_followed(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1})
    secret = save(picture(9), tmp_path / "secret" / "9.png")
    (tmp_path / "set" / "ants" / "file.png").symlink_to(secret)
    (tmp_path / "set" / "wasps").symlink_to(secret.parent)
    (tmp_path / "set" / "ants" / "gone.png").symlink_to("nowhere.png")
    source = open_source(tmp_path / "set")
    assert len(source.images) == 2
    assert reasons(source) == {
        "ants/file.png": "is a link that leads outside the folder",
        "ants/gone.png": "is a broken link",
        "wasps": "is a link that leads outside the folder",
    }


def test_links_inside_the_set_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1})
    (tmp_path / "set" / "wasps").symlink_to("ants")
    (tmp_path / "set" / "bees" / "1.png").symlink_to("0.png")
    (tmp_path / "set" / "bees" / "up").symlink_to("..")
    source = open_source(tmp_path / "set")
    assert counts(source) == {(None, "ants"): 1, (None, "bees"): 2, (None, "wasps"): 1}
    assert reasons(source) == {"bees/up": "is a link to a folder around it"}


def test_a_set_reached_through_a_link_is_read(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1})
    (tmp_path / "link").symlink_to("set")
    assert len(open_source(tmp_path / "link").images) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(draw_set(tmp_path / "set", {"ants": 1, "bees": 1}))
    Path(os.fsdecode(b"ants/\xff.png")).touch()
    Path(os.fsdecode(b"w\xff")).mkdir()
    source = open_source(tmp_path / "set")
    assert source.class_names == ("ants", "bees")
    assert reasons(source) == {
        "ants/?.png": "has a name that is not UTF-8",
        "w?": "has a name that is not UTF-8",
    }


def test_a_tree_that_is_too_deep_is_cut_off(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1, "bees/" + "/".join("x" * 60): 1})
    source = open_source(tmp_path / "set")
    assert len(source.images) == 2
    assert list(reasons(source).values()) == ["lies more than 50 folders deep"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_may_not_be_listed_is_skipped(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1, "bees/private": 1})
    (tmp_path / "set" / "bees" / "private").chmod(0)
    source = open_source(tmp_path / "set")
    assert reasons(source) == {"bees/private": "cannot be listed: permission denied"}


# Leaving classes out.


def test_an_excluded_class_is_gone_from_every_split(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {f"{split}/{label}": 1 for split in ("train", "val") for label in "abc"})
    source = open_source(tmp_path / "set", exclude=["b"])
    assert source.class_names == ("a", "c")
    assert not any(image.label == "b" for image in source.images)


def test_a_class_that_only_val_has_can_be_excluded(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"train/a": 1, "train/b": 1, "val/a": 1, "val/x": 1})
    assert open_source(tmp_path / "set", exclude=["x"]).class_names == ("a", "b")


def test_an_unknown_excluded_class_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"ants": 1, "bees": 1})
    with pytest.raises(DataError, match=r"no class 'Ant' in .*set to exclude.*; did you mean 'ants'\?"):
        open_source(tmp_path / "set", exclude=["Ant"])


# What cannot be opened.


def test_a_class_unknown_to_train_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    draw_set(tmp_path / "set", {"train/ants": 1, "train/bees": 1, "val/Ants": 1})
    match = r"class 'Ants' in .*set/val is not a class of train; .* --exclude Ants; did you mean 'ants'\?"
    with pytest.raises(DataError, match=match):
        open_source(tmp_path / "set")


def test_two_folders_for_one_split_are_an_error(tmp_path: Path) -> None:
    folders = {f"{split}/{label}": 1 for split in ("train", "val", "valid") for label in "ab"}
    with pytest.raises(DataError, match=r"val and valid in .* are both the val split; keep one"):
        open_source(draw_set(tmp_path / "set", folders))


def test_val_and_test_without_train_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has test and val but no train folder; add one"):
        open_source(draw_set(tmp_path / "set", {"test/a": 1, "test/b": 1, "val/a": 1, "val/b": 1}))


def test_split_folders_without_class_folders_are_an_error_and_not_two_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test and train in .* have no class folders; put each class's"):
        open_source(draw_set(tmp_path / "set", {"train": 2, "test": 2}))


def test_a_missing_folder_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "hymenoptera").mkdir()
    with pytest.raises(DataError, match=r"no folder or file at .*; did you mean 'hymenoptera'\?"):
        open_source(tmp_path / "hymenoptra")
    with pytest.raises(DataError, match=r"no folder or file at .*/x/y, check the path$"):
        open_source(tmp_path / "x" / "y")


def test_a_file_that_is_no_zip_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"a\.png is a file that holds no labelled images; give a folder, a zip or tar"
    ):
        open_source(save(picture(1), tmp_path / "a.png"))


def test_a_pipe_is_an_error_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is neither a folder nor a file; give a folder"):
        open_source(tmp_path / "pipe")


def test_a_path_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot open .*: File name too long; check the path"):
        open_source(tmp_path / ("x" * 300))


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty; put a folder of images for each class into it"):
        open_source(tmp_path)


def test_a_folder_without_images_is_an_error_that_says_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    match = r"no images in .* \(skipped 1, e\.g\. a\.csv: is not an image file \(\.csv\)\); put"
    with pytest.raises(DataError, match=match):
        open_source(tmp_path)


def test_empty_class_folders_alone_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no images in .*; put"):
        open_source(draw_set(tmp_path, {"ants": 0, "bees": 0}))


def test_images_without_class_folders_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no class folders in .* for its 3 images; give each class"):
        open_source(draw_set(tmp_path, {"": 3}))


def test_one_class_is_an_error(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 3, "bees": 3})
    with pytest.raises(DataError, match=r"only one class \('bees'\) in .*; a classifier needs"):
        open_source(tmp_path, exclude=["ants"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_place_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    archive = zipped(draw_set(tmp_path / "set", {"ants": 1, "bees": 1}))
    for path in (archive, tmp_path / "set"):
        path.chmod(0)
        with pytest.raises(DataError, match="Permission denied; check its permissions"):
            open_source(path)
        path.chmod(0o700)


# Zips.


def test_a_zip_is_the_same_set_as_its_folder(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", {"train/ants": 2, "train/bees": 1, "val/ants": 1})
    of_folder, of_zip = open_source(folder), open_source(zipped(folder))
    assert [(i.name, i.label, i.split) for i in of_zip.images] == [
        (i.name, i.label, i.split) for i in of_folder.images
    ]
    assert of_zip.where == str(tmp_path / "set.zip")


def test_a_zip_is_unpacked_once_into_the_cache_folder(tmp_path: Path, cache_of_the_test: Path) -> None:
    archive = zipped(draw_set(tmp_path / "set", {"ants": 1, "bees": 1}))
    first = open_source(archive)
    assert first.root.parent == cache_of_the_test / "sets"
    assert len(first.root.name) == 16
    made_ns = first.root.stat().st_ctime_ns
    assert open_source(archive) == first
    assert first.root.stat().st_ctime_ns == made_ns


def test_the_cache_can_be_put_elsewhere(tmp_path: Path) -> None:
    archive = zipped(draw_set(tmp_path / "set", {"ants": 1, "bees": 1}))
    source = open_source(archive, cache_dir=tmp_path / "mine")
    assert source.root.is_relative_to(tmp_path / "mine" / "sets")


def test_the_user_s_own_cache_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FINETUNE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    source = open_source(zipped(draw_set(tmp_path / "set", {"ants": 1, "bees": 1})))
    assert source.root.is_relative_to(tmp_path / "home")


def test_a_zip_with_other_content_under_the_same_name_is_another_set(tmp_path: Path) -> None:
    first = open_source(zipped(draw_set(tmp_path / "set", {"ants": 1, "bees": 1})))
    draw_set(tmp_path / "set", {"wasps": 1})
    second = open_source(zipped(tmp_path / "set"))
    assert first.root != second.root
    assert second.class_names == ("ants", "bees", "wasps")


def test_a_cached_set_that_lost_a_file_is_unpacked_again(tmp_path: Path) -> None:
    archive = zipped(draw_set(tmp_path / "set", {"ants": 1, "bees": 1}))
    source = open_source(archive)
    source.images[0].path.unlink()
    assert open_source(archive) == source
    assert source.images[0].path.exists()


def test_an_unpacking_that_was_killed_does_not_count_and_is_cleared_in_time(
    tmp_path: Path, cache_of_the_test: Path
) -> None:
    archive = zipped(draw_set(tmp_path / "set", {"ants": 1, "bees": 1}))
    root = open_source(archive).root
    killed, running = root.parent / f".{root.name}-old.tmp", root.parent / f".{root.name}-new.tmp"
    root.rename(killed)
    running.mkdir()
    os.utime(killed, (0, 0))
    assert len(open_source(archive).images) == 2
    assert sorted(root.parent.iterdir()) == [running, root]


def test_a_half_downloaded_zip_is_an_error_and_leaves_nothing(
    tmp_path: Path, cache_of_the_test: Path
) -> None:
    archive = zipped(draw_set(tmp_path / "set", {"ants": 1, "bees": 1}))
    os.truncate(archive, archive.stat().st_size // 2)
    with pytest.raises(ArchiveError, match="is cut off"):
        open_source(archive)
    assert not list(cache_of_the_test.rglob("*.png"))


def test_a_zip_without_the_suffix_is_a_zip(tmp_path: Path) -> None:
    archive = zipped(draw_set(tmp_path / "set", {"ants": 1, "bees": 1})).rename(tmp_path / "upload")
    assert len(open_source(archive).images) == 2


@pytest.mark.shared_data
def test_the_tutorial_s_zip_is_ants_and_bees(shared_data: Path) -> None:
    source = open_source(shared_data / "hymenoptera.zip")
    assert counts(source) == {
        ("train", "ants"): 124,
        ("train", "bees"): 121,
        ("val", "ants"): 70,
        ("val", "bees"): 83,
    }
    assert source.skipped == ()


# What happens to real folders.


def test_opening_and_checking_a_folder_changes_nothing_in_it(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "set", {"ants": 3, "bees": 3})
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.lstat().st_mtime_ns for path in (folder, *folder.rglob("*"))}
    assert inspect_source(open_source(folder)).usable
    assert {path: path.lstat().st_mtime_ns for path in (folder, *folder.rglob("*"))} == before
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)


def test_a_file_that_vanishes_meanwhile_is_named_and_the_rest_is_checked(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path / "set", {"ants": 4, "bees": 4}))
    source.images[0].path.unlink()
    report = inspect_source(source)
    assert [item.name for item in report.quarantine] == ["ants/0.png"]
    assert report.usable


def test_names_equal_but_for_case_and_names_of_any_script_are_all_read(tmp_path: Path) -> None:
    names = ("A b.png", "a B.PNG", "Ä🐝.png", "日本 語.png")
    for number, name in enumerate(names):
        save(picture(number), tmp_path / "set" / "größe 🐜" / name, format="PNG")
    if len(os.listdir(tmp_path / "set" / "größe 🐜")) < len(names):  # noqa: PTH208
        pytest.skip("this disk takes two of them for one")
    draw_set(tmp_path / "set", {"bees": 4})
    report = inspect_source(open_source(tmp_path / "set"))
    assert report.quarantine == ()
    assert report.classes == {"bees": 4, "größe 🐜": 4}
