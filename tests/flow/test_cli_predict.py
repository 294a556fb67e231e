"""Use a finished classifier: predict as line, table, CSV and JSON; evaluate by class name."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Finetune, coloured, draw_colours, finetune_process
from PIL import Image

from finetune.data.images import load_rgb


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A red image in many guises, two files that are no image, and some that are to be passed over."""
    folder = tmp_path / "mixed"
    (folder / "deeper").mkdir(parents=True)
    red = coloured(0, 1000)
    red.save(folder / "colour.png")
    red.save(folder / "deeper" / "UPPER.JPG", quality=95)
    red.convert("RGBA").save(folder / "clear.png")
    red.convert("CMYK").save(folder / "print.jpg", quality=95)
    red.convert("P", palette=Image.Palette.ADAPTIVE).save(folder / "palette.gif")
    red.convert("L").save(folder / "grey.png")
    Image.fromarray(np.asarray(red.convert("L")).astype(np.uint16) * 257).save(folder / "grey16.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    red.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", exif=turned, quality=95)
    (folder / "empty.png").touch()
    (folder / "text.jpg").write_text("hello")
    (folder / "notes.txt").write_text("not an image")
    (folder / "._colour.png").write_bytes(b"a Mac's shadow")
    (folder / "album.jpg").mkdir()
    return folder


IN_COLOUR = {"colour.png", "deeper/UPPER.JPG", "clear.png", "print.jpg", "palette.gif", "turned.jpg"}
SHOWN = IN_COLOUR | {"grey.png", "grey16.png", "empty.png", "text.jpg"}


def test_one_image_is_one_line(finetune: Finetune, bundle: Path, colours: Path) -> None:
    image = colours / "lime" / "3.png"
    answer = finetune("predict", bundle, image)
    assert answer.code == 0
    (line,) = answer.out.splitlines()
    assert line.startswith(f"{image}: lime ")
    assert line.count("%") == 3
    assert answer.err == ""


def test_many_images_are_a_table(finetune: Finetune, bundle: Path, colours: Path) -> None:
    answer = finetune("predict", bundle, colours / "plum", colours / "apple" / "0.png")
    header, *rows = answer.out.splitlines()
    assert header.split() == ["image", "label", "probability", "next"]
    assert len(rows) == 15
    assert rows[-1].split()[:2] == [str(colours / "apple" / "0.png"), "apple"]


def test_a_folder_gives_its_images_however_deep_and_passes_over_the_rest(
    finetune: Finetune, bundle: Path, mixed: Path
) -> None:
    answer = finetune("predict", bundle, mixed, "--json")
    assert answer.code == 0, "some errors are rows, not a failure"
    rows = {Path(row["path"]).relative_to(mixed).as_posix(): row for row in answer.json}
    assert set(rows) == SHOWN
    assert {rows[name]["label"] for name in IN_COLOUR} == {"apple"}
    for name in ("grey.png", "grey16.png"):
        assert rows[name]["label"] in ("apple", "lime", "plum")
    assert rows["grey.png"]["probability"] == pytest.approx(rows["grey16.png"]["probability"], abs=1e-6)
    assert rows["empty.png"]["error"] == "is empty (0 bytes)"
    assert rows["text.jpg"]["error"] == "is not an image"


def test_json_rows_have_their_keys_and_probabilities_that_sum_to_one(
    finetune: Finetune, bundle: Path, mixed: Path
) -> None:
    for row in finetune("predict", bundle, mixed, "--json").json:
        assert set(row) == {"path", "label", "probability", "error", "top"}
        if row["error"]:
            assert (row["label"], row["probability"], row["top"]) == (None, None, [])
        else:
            shares = [entry["probability"] for entry in row["top"]]
            assert sum(shares) == pytest.approx(1)
            assert shares == sorted(shares, reverse=True)
            assert (row["label"], row["probability"]) == tuple(row["top"][0].values())


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_csv_has_the_promised_columns_and_a_row_an_image(
    finetune: Finetune, bundle: Path, mixed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.csv"
    answer = finetune("predict", bundle, mixed, "--out", out, "--top", 2)
    assert answer.code == 0
    assert answer.out == f"wrote {len(SHOWN)} rows to {out}, 2 of them errors\n"
    assert sorted(tmp_path.glob("answers.csv*")) == [out]
    rows = read_csv(out)
    assert list(rows[0]) == [
        "path",
        "label",
        "probability",
        "error",
        "top1_label",
        "top1_probability",
        "top2_label",
        "top2_probability",
    ]
    assert len(rows) == len(SHOWN)
    for row in rows:
        if row["error"]:
            assert {value for name, value in row.items() if name not in ("path", "error")} == {""}
        else:
            assert (row["label"], row["probability"]) == (row["top1_label"], row["top1_probability"])
            assert float(row["top1_probability"]) >= float(row["top2_probability"])


def test_more_labels_than_there_are_classes_make_no_empty_columns(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path
) -> None:
    finetune("predict", bundle, colours / "lime", "--out", tmp_path / "a.csv", "--top", 99)
    assert list(read_csv(tmp_path / "a.csv")[0])[-1] == "top3_probability"


def test_nothing_but_errors_is_a_failure_that_still_writes_its_rows(
    finetune: Finetune, bundle: Path, mixed: Path, tmp_path: Path
) -> None:
    bad = (mixed / "empty.png", mixed / "text.jpg", mixed / "notes.txt")
    answer = finetune("predict", bundle, *bad, "--out", tmp_path / "a.csv")
    assert answer.code == 3
    assert [row["error"] for row in read_csv(tmp_path / "a.csv")] == [
        "is empty (0 bytes)",
        "is not an image",
        "is not an image",
    ]
    alone = finetune("predict", bundle, mixed / "empty.png")
    assert (alone.code, alone.out) == (3, f"{mixed / 'empty.png'}: is empty (0 bytes)\n")


def test_the_batch_an_image_is_in_changes_nothing(finetune: Finetune, bundle: Path, colours: Path) -> None:
    many = finetune("predict", bundle, colours, "--json").json
    assert len(many) == 42
    alone = finetune("predict", bundle, many[20]["path"], "--json").json[0]
    assert alone["label"] == many[20]["label"]
    assert alone["probability"] == pytest.approx(many[20]["probability"], abs=1e-5)


def test_a_run_folder_and_its_bundle_folder_mean_the_same_wherever_they_lie(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(bundle / "bundle", tmp_path / "moved away")
    monkeypatch.chdir(tmp_path)
    image = colours / "lime" / "3.png"
    answers = {finetune("predict", where, image).out for where in (bundle, bundle / "bundle", "moved away/")}
    assert len(answers) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (30_000, 2), (2, 1)])
def test_an_image_of_any_shape_gets_an_answer(
    finetune: Finetune, bundle: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    Image.new("RGB", size, (200, 60, 60)).save(tmp_path / "odd.png")
    answer = finetune("predict", bundle, tmp_path / "odd.png", "--json")
    assert answer.code == 0
    assert answer.json[0]["error"] is None


def test_the_middle_of_a_very_long_image_is_what_counts(
    finetune: Finetune, bundle: Path, tmp_path: Path
) -> None:
    strip = Image.new("RGB", (2000, 20), "white")
    strip.paste(coloured(2, 5, side_px=20), (990, 0))
    strip.save(tmp_path / "strip.png")
    assert load_rgb(tmp_path / "strip.png").size == (2000, 20)
    assert finetune("predict", bundle, tmp_path / "strip.png", "--json").json[0]["label"] == "plum"


@pytest.mark.skipif(os.name != "posix", reason="a file name that is no text")
def test_a_file_name_that_is_no_text_keeps_its_row(bundle: Path, colours: Path, tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    try:
        shutil.copy(colours / "lime" / "3.png", os.fsencode(folder) + b"/\xff.png")
    except OSError:
        pytest.skip("this file system holds only UTF-8 names")
    shutil.copy(colours / "plum" / "3.png", folder / "fine.png")
    answer = finetune_process("predict", bundle, "raw", "--out", "a.csv", "--json", cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert (answer.json["rows"], answer.json["errors"]) == (2, 0)
    rows = [(row["path"], row["label"]) for row in read_csv(tmp_path / "a.csv")]
    assert rows == [("raw/fine.png", "plum"), ("raw/\\udcff.png", "lime")]


# --- evaluate


def test_evaluate_on_the_data_of_the_run_counts_all_of_it(
    finetune: Finetune, bundle: Path, colours: Path
) -> None:
    answer = finetune("evaluate", bundle, colours, "--json")
    assert answer.code == 0
    metrics = answer.json
    assert metrics["split"] == "all"
    assert metrics["classes"] == ["apple", "lime", "plum"]
    assert metrics["n_images"] == 42
    assert metrics["accuracy"] == metrics["n_correct"] / 42
    low, high = metrics["accuracy_interval"]
    assert low <= metrics["accuracy"] <= high
    assert {"balanced_accuracy", "macro_f1", "log_loss", "majority_accuracy"} <= set(metrics)
    assert [sum(row) for row in metrics["confusion"]] == [14, 14, 14]
    assert "scoring 42 images" in answer.err


def test_evaluate_prefers_the_test_split_and_says_so(
    finetune: Finetune, bundle: Path, tmp_path: Path
) -> None:
    counts = {
        f"{split}/{label}": n for label in ("apple", "plum") for split, n in (("train", 3), ("test", 2))
    }
    answer = finetune("evaluate", bundle, draw_colours(tmp_path / "data", counts), "--json")
    assert (answer.json["split"], answer.json["n_images"]) == ("test", 4)
    assert "scoring 4 images of the test split" in answer.err


def test_evaluate_matches_classes_by_name_not_by_position(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path
) -> None:
    for label in ("lime", "plum"):
        shutil.copytree(colours / label, tmp_path / "two" / label)
    metrics = finetune("evaluate", bundle, tmp_path / "two", "--json").json
    assert [sum(row) for row in metrics["confusion"]] == [0, 14, 14]
    assert metrics["accuracy"] > 0.9


def test_evaluate_shows_each_class(finetune: Finetune, bundle: Path, colours: Path) -> None:
    lines = finetune("evaluate", bundle, colours, "--quiet").out.splitlines()
    assert " of 42 right: " in lines[0]
    first = next(rank for rank, line in enumerate(lines) if line.startswith("class "))
    assert [line.split()[0] for line in lines[first : first + 4]] == ["class", "apple", "lime", "plum"]


def test_a_class_that_the_bundle_does_not_know_is_named_with_the_nearest(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path
) -> None:
    shutil.copytree(colours / "lime", tmp_path / "data" / "lime")
    shutil.copytree(colours / "plum", tmp_path / "data" / "plums")
    answer = finetune("evaluate", bundle, tmp_path / "data")
    assert answer.code == 3
    assert "class 'plums' is not one of the bundle's 3 classes" in answer.error
    assert answer.error.endswith("--exclude plums; did you mean 'plum'?")


def test_evaluate_leaves_out_what_cannot_be_read_and_says_so(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path
) -> None:
    shutil.copytree(colours, tmp_path / "data")
    (tmp_path / "data" / "lime" / "broken.png").write_bytes(b"\x89PNG")
    answer = finetune("evaluate", bundle, tmp_path / "data", "--json")
    assert answer.json["n_images"] == 42
    assert "warning: 1 unreadable image" in answer.err
    assert "lime/broken.png" in answer.err
