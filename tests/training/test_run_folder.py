"""A run gets a folder of its own: the next free name, or the one asked for when it is empty."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from finetune.errors import OptionError, ResourceError, RunError
from finetune.training.run_folder import RunFolder, claim_folder, claim_next_folder, refuse_inside_data


@pytest.mark.parametrize(
    ("data", "stem"),
    [
        ("photos", "photos"),
        ("/somewhere/photos/", "photos"),
        ("photos.zip", "photos"),
        ("my holiday photos.zip", "my-holiday-photos"),
        ("Größe.zip", "Größe"),
        ("...", "run"),
        ("-x-", "x"),
        ("a" * 200, "a" * 60),
    ],
)
def test_the_folder_is_named_after_the_data_and_the_strategy(data: str, stem: str, tmp_path: Path) -> None:
    assert claim_next_folder(data, "partial", tmp_path).path == tmp_path / f"{stem}-partial-1"


def test_a_folder_s_own_dots_stay_in_the_name(tmp_path: Path) -> None:
    data = tmp_path / "flowers.v2"
    data.mkdir()
    assert claim_next_folder(str(data), "partial", tmp_path).path.name == "flowers.v2-partial-1"


def test_the_folder_one_stands_in_gives_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path / "photos")
    assert claim_next_folder(".", "partial", tmp_path).path.name == "photos-partial-1"


def test_the_least_free_number_is_taken_and_nothing_overwritten(tmp_path: Path) -> None:
    for taken in (1, 2, 4):
        (tmp_path / f"photos-partial-{taken}").mkdir()
    assert [claim_next_folder("photos", "partial", tmp_path).path.name for _ in range(3)] == [
        "photos-partial-3",
        "photos-partial-5",
        "photos-partial-6",
    ]


def test_a_file_or_a_link_to_nowhere_in_the_way_takes_a_number_too(tmp_path: Path) -> None:
    (tmp_path / "photos-partial-1").write_text("a file")
    (tmp_path / "photos-partial-2").symlink_to(tmp_path / "nowhere")
    assert claim_next_folder("photos", "partial", tmp_path).path.name == "photos-partial-3"


def test_runs_that_start_at_once_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        claimed = list(
            pool.map(lambda _: claim_next_folder("photos", "partial", tmp_path / "new"), range(40))
        )
    assert len({folder.path for folder in claimed}) == 40
    assert {int(folder.path.name.rpartition("-")[2]) for folder in claimed} == set(range(1, 41))


@pytest.mark.parametrize("kind", ["file", "link to nowhere"])
def test_a_place_for_runs_that_is_no_folder_is_refused(kind: str, tmp_path: Path) -> None:
    root = tmp_path / "checkpoints"
    if kind == "file":
        root.write_text("a file")
    else:
        root.symlink_to(tmp_path / "unmounted")
    with pytest.raises(
        ResourceError, match=r"cannot make the run folder .*checkpoints/photos-partial-1: .*; give --out"
    ):
        claim_next_folder("photos", "partial", root)


def test_out_may_be_new_deep_or_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert claim_folder(tmp_path / "empty").path.is_dir()
    assert claim_folder(tmp_path / "very" / "deep").path.is_dir()


def test_an_out_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("")
    with pytest.raises(RunError, match=r"--out .* is not empty; choose another folder, or leave --out away"):
        claim_folder(tmp_path)


def test_an_out_that_is_a_file_or_lies_below_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(RunError, match=r"--out .*file is a file; give a folder that is empty"):
        claim_folder(path)
    with pytest.raises(RunError, match=r"--out .*below lies below a file; give a folder that is empty"):
        claim_folder(path / "below")


def test_an_out_that_cannot_be_made_is_a_matter_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(
        ResourceError, match=r"cannot make the run folder .*: File name too long; choose another --out"
    ):
        claim_folder(tmp_path / ("x" * 300))


def test_discarding_removes_what_was_made_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    claim_folder(tmp_path / "mine" / "a" / "b").discard()
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]
    folder = claim_folder(tmp_path / "mine")
    folder.discard()
    assert folder.path.is_dir()


def test_discarding_leaves_a_folder_with_something_in_it(tmp_path: Path) -> None:
    folder = claim_folder(tmp_path / "a" / "b")
    folder.recipe.write_text("strategy: partial\n")
    folder.discard()
    assert folder.recipe.is_file()


@pytest.mark.parametrize("inside", [".", "runs/1", "ants"])
def test_a_run_inside_its_own_data_is_refused(inside: str, tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match=r"would lie inside the data set .* and be taken for images next time"
    ):
        refuse_inside_data(tmp_path / inside, str(tmp_path))


def test_a_run_beside_its_data_is_fine(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    refuse_inside_data(tmp_path / "photos-run", tmp_path / "photos")
    refuse_inside_data(tmp_path / "photos.zip-run", tmp_path / "photos.zip")


def test_the_files_of_a_run_have_their_names(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    paths = (folder.recipe, folder.metrics, folder.report, folder.curves, folder.confusion, folder.log)
    names = ["recipe.yaml", "metrics.csv", "report.json", "curves.png", "confusion.png", "log.txt"]
    assert [path.relative_to(tmp_path).as_posix() for path in (*paths, folder.bundle)] == [*names, "bundle"]
