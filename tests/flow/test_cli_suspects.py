"""Wrong labels are found, shown, and acted on only by a table that fits."""

import csv
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from conftest import Finetune, draw_colours, fit_quietly
from PIL import Image

WRONG = ("apple/3.png", "lime/5.png", "plum/7.png")


@pytest.fixture(scope="module")
def mislabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three colours, 40 images a class, of which one a class lies in the next class's folder."""
    root = draw_colours(tmp_path_factory.mktemp("wrong") / "set", {"apple": 40, "lime": 40, "plum": 40})
    for name, other in zip(WRONG, ("lime", "plum", "apple"), strict=True):
        shutil.move(root / name, root / other / f"wrong-{Path(name).name}")
    return root


PLANTED = {"lime/wrong-3.png": "apple", "plum/wrong-5.png": "lime", "apple/wrong-7.png": "plum"}


@pytest.fixture(scope="module")
def found(mislabelled: Path, tiny: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suspects") / "out"
    fit_quietly(mislabelled, *tiny, "--out", folder, command="suspects")
    return folder


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "suspects.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_wrong_labels_come_first_with_the_right_class_suggested(found: Path) -> None:
    rows = rows_of(found)
    assert {row["path"]: row["suggested"] for row in rows[:3]} == PLANTED
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores)
    assert list(rows[0]) == [
        *("path", "label", "suggested", "score", "label_probability", "suggested_probability", "split")
    ]


def test_the_whole_is_told_as_json_and_shown_as_a_sheet(found: Path) -> None:
    told = json.loads((found / "suspects.json").read_text(encoding="utf-8"))
    assert told["n_judged"] == 120
    assert told["n_issues"] == len(told["suspects"]) == len(rows_of(found))
    assert told["cross_validated_accuracy"] > 0.9
    with Image.open(found / "suspects.png") as sheet:
        assert sheet.width > 600


def test_the_terminal_shows_the_suspects_and_what_to_do(
    finetune: Finetune, mislabelled: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    answer = finetune("suspects", mislabelled, *tiny, "--out", tmp_path / "out", "--top", 5)
    assert answer.code == 0
    assert "labels are probably wrong" in answer.out
    assert all(name in answer.out for name in PLANTED)
    assert "--drop-suspects" in answer.out
    assert len(rows_of(tmp_path / "out")) == 5
    again = finetune("suspects", mislabelled, *tiny, "--out", tmp_path / "out")
    assert again.code == 6
    assert again.error.endswith("out is not empty; choose another folder")


def test_dropping_leaves_images_out_says_so_and_is_recorded(
    finetune: Finetune, mislabelled: Path, found: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    table, run = found / "suspects.csv", tmp_path / "run"
    n_rows = len(rows_of(found))
    options = (*tiny, "--strategy", "freeze-all", "--drop-suspects", table, "--out", run, "--json")
    answer = finetune("fit", mislabelled, *options)
    assert answer.code == 0, answer.err
    assert f"{n_rows} of 120 images are left out, as {table} says (--drop-suspects)" in answer.err
    report = answer.json
    assert report["n_train"] + report["n_val"] + report["n_test"] == 120 - n_rows
    sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
    assert report["corrections"] == {"drop_suspects": {"file": str(table), "sha256": sha256, "count": n_rows}}
    assert f"drop_suspects: {table}" in (run / "recipe.yaml").read_text(encoding="utf-8")


def test_relabelled_images_are_learnt_as_what_they_are(
    finetune: Finetune, mislabelled: Path, found: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    table = tmp_path / "mine.csv"
    kept = [row for row in rows_of(found) if row["path"] in PLANTED]
    table.write_text("path,suggested\n" + "".join(f"{r['path']},{r['suggested']}\n" for r in kept))
    options = (*tiny, "--strategy", "freeze-all", "--relabel", table, "--out", tmp_path / "run", "--json")
    answer = finetune("fit", mislabelled, *options)
    assert answer.code == 0, answer.err
    assert f"3 of 120 images are given the suggested class, as {table} says (--relabel)" in answer.err
    assert answer.json["corrections"]["relabel"]["count"] == 3
    assert answer.json["n_train"] + answer.json["n_val"] + answer.json["n_test"] == 120


def test_a_table_of_another_set_is_refused(
    finetune: Finetune, colours: Path, found: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    options = (*tiny, "--strategy", "freeze-all", "--drop-suspects", found / "suspects.csv")
    answer = finetune("fit", colours, *options, "--out", tmp_path / "run")
    assert answer.code == 3
    assert "which is no image of" in answer.error
    assert not (tmp_path / "run").exists()


def test_a_run_whose_table_has_changed_is_not_gone_on_with(
    finetune: Finetune, mislabelled: Path, found: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    from finetune.errors import RunError
    from finetune.training.data_check import refuse_other_images
    from finetune.training.run_folder import RunFolder
    from finetune.training.run_record import read_record

    table, run = tmp_path / "mine.csv", tmp_path / "run"
    table.write_text("path\n" + "\n".join(PLANTED) + "\n")
    options = (*tiny, "--strategy", "freeze-all", "--drop-suspects", table, "--out", run)
    assert finetune("fit", mislabelled, *options).code == 0
    folder = RunFolder(run)
    record = read_record(folder.record)
    refuse_other_images(folder, record, str(mislabelled))
    table.write_text("path\n" + next(iter(PLANTED)) + "\n")
    with pytest.raises(RunError, match=r"are not those that the run .* began with"):
        refuse_other_images(folder, record, str(mislabelled))


@pytest.mark.parametrize(
    ("options", "code", "match"),
    [
        (("--backbone", "fc2"), 2, "which --backbone fc2 has not; leave it out"),
        (("--weights", "none"), 2, "which --weights none has not; leave it out"),
        (("--head", "dense"), 2, "--head dense is not solved on frozen features; use --head linear or"),
    ],
)
def test_what_has_no_frozen_features_is_refused(
    finetune: Finetune, colours: Path, tmp_path: Path, options: tuple[str, ...], code: int, match: str
) -> None:
    answer = finetune("suspects", colours, *options, "--out", tmp_path / "out")
    assert (answer.code, match in answer.error) == (code, True)
    assert not (tmp_path / "out").exists()


def test_suspects_are_not_written_into_the_data(finetune: Finetune, colours: Path) -> None:
    answer = finetune("suspects", colours, "--out", colours / "out")
    assert answer.code == 2
    assert "would lie inside the data set" in answer.error
