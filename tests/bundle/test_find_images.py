"""Which images a path, a pattern or a list stands for."""

import io
import os
from pathlib import Path

import pytest
from drawing import draw_set, picture, save

from finetune.bundle import find_images as module
from finetune.bundle.find_images import find_images, listed_paths
from finetune.errors import DataError


def found(root: Path, *paths: Path | str) -> list[str]:
    return [path.relative_to(root).as_posix() for path in find_images([Path(path) for path in paths])]


def test_folders_are_searched_and_files_taken_as_given(tmp_path: Path) -> None:
    root = draw_set(tmp_path / "set", {"b": 2, "a/deep": 1})
    odd = tmp_path / "no-ending"
    odd.write_bytes(b"")
    assert found(tmp_path, odd, root, odd) == [
        "no-ending",
        "set/a/deep/0.png",
        "set/b/0.png",
        "set/b/1.png",
        "no-ending",
    ]


def test_what_is_hidden_no_image_or_a_folder_with_an_image_s_name_is_passed_over(tmp_path: Path) -> None:
    save(picture(1), tmp_path / "a.PNG")
    save(picture(2), tmp_path / ".thumbnails" / "a.png")
    save(picture(3), tmp_path / ".hidden.png")
    save(picture(4), tmp_path / "folder.jpg" / "b.jpeg")
    (tmp_path / "notes.txt").write_text("")
    assert sorted(found(tmp_path, tmp_path)) == ["a.PNG", "folder.jpg/b.jpeg"]


def test_images_in_a_hidden_folder_that_was_named_are_found(tmp_path: Path) -> None:
    save(picture(1), tmp_path / ".cache" / "a.png")
    assert len(find_images([tmp_path / ".cache"])) == 1


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such image or folder: .*gone\.png; check the path"):
        find_images([tmp_path, tmp_path / "gone.png"])


def test_folders_without_images_are_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=r"no images in .*one, .*two; give image files or folders of them"):
        find_images(iter([tmp_path / "one", tmp_path / "two"]))


def test_a_pattern_gives_its_files_and_the_images_of_its_folders_in_order(tmp_path: Path) -> None:
    root = draw_set(tmp_path, {"a/deep": 1, "ab": 2, "c": 1})
    (root / "ab" / "notes.txt").write_text("")
    assert found(root, root / "a*") == ["a/deep/0.png", "ab/0.png", "ab/1.png"]
    assert found(root, root / "**" / "0.png") == ["a/deep/0.png", "ab/0.png", "c/0.png"]
    assert found(root, root / "ab" / "[1-9].png") == ["ab/1.png"]


def test_two_stars_give_each_image_once_and_no_other_file(tmp_path: Path) -> None:
    root = draw_set(tmp_path, {"a/deep": 1, "c": 1})
    (root / "c" / "notes.txt").write_text("")
    assert found(root, root / "**") == ["a/deep/0.png", "c/0.png"]
    assert found(root, root / "[ac]*") == ["a/deep/0.png", "c/0.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    for name in ("a[1].png", "a1.png"):
        save(picture(1), tmp_path / name)
    assert found(tmp_path, tmp_path / "a[1].png") == ["a[1].png"]


def test_a_pattern_that_nothing_matches_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing matches .*\*\.jpg; check the pattern"):
        find_images([tmp_path / "*.jpg"])


def listing(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(module.sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no links and pipes here")
def test_a_link_to_nothing_and_a_pipe_get_a_row_too(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (root / "link.png").symlink_to("nowhere.png")
    os.mkfifo(root / "pipe.png")
    assert found(root, root) == ["link.png", "pipe.png"]
    assert found(root, root / "link.png") == ["link.png"]


def test_a_manifest_of_one_class_is_a_list_of_images_too(tmp_path: Path) -> None:
    save(picture(1), tmp_path / "a.png")
    (tmp_path / "all.csv").write_text("path,label\na.png,apple\n", encoding="utf-8")
    assert found(tmp_path, tmp_path / "all.csv") == ["a.png"]


def test_a_list_on_stdin_may_hold_files_folders_and_what_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = draw_set(tmp_path, {"b": 2})
    listing(monkeypatch, f"{root / 'gone.png'}\r\n\n{root / 'b'}\n".encode())
    assert found(tmp_path, "-") == ["gone.png", "b/0.png", "b/1.png"]
    listing(monkeypatch, b"\n\n")
    with pytest.raises(DataError, match="no images in -"):
        find_images([Path("-")])


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"", []),
        (b"a.png", ["a.png"]),
        (b"a b.png\nc.png\n", ["a b.png", "c.png"]),
        (b"a\nb.png\0c.png\0", ["a\nb.png", "c.png"]),
        ("gr\u00fcn.png".encode(), ["gr\u00fcn.png"]),
        (b"BMW_001.jpg\nRIFF.png\n", ["BMW_001.jpg", "RIFF.png"]),
    ],
)
def test_lists_have_a_path_a_line_or_a_nul_after_each(content: bytes, names: list[str]) -> None:
    assert list(map(str, listed_paths(content))) == names


def test_an_image_instead_of_a_list_is_told() -> None:
    with pytest.raises(DataError, match="stdin holds an image and no list of paths"):
        listed_paths(b"\xff\xd8\xff\xe0 JFIF")
