"""A trained classifier says when an image is none of its classes, which are plausible, and what views bring."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from conftest import Finetune, draw_colours, fit_quietly
from PIL import Image

from finetune import load_bundle, predict
from finetune.known.calibration import FILES


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three colours with splits of their own: 24 validation images are enough to tell unknown ones by."""
    counts = {f"{split}/{name}": n for split, n in (("train", 12), ("val", 8), ("test", 5)) for name in "abc"}
    return draw_colours(tmp_path_factory.mktemp("many") / "colours", counts)


@pytest.fixture(scope="module")
def knowing(many: Path, tiny: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "knowing"
    fit_quietly(many, "--strategy", "freeze-all", *tiny, "--out", out)
    return out


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """Stripes of all colours: nothing like noise around one colour."""
    folder = tmp_path / "strange"
    folder.mkdir()
    for i in range(6):
        stripes = np.zeros((48, 48, 3), np.uint8)
        stripes[:: i + 2, :, 0], stripes[:, :: i + 3, 1] = 255, 255
        Image.fromarray(stripes).save(folder / f"{i}.png")
    return folder


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_training_says_what_it_learnt_to_tell_and_writes_it(knowing: Path) -> None:
    assert all((knowing / "bundle" / name).is_file() for name in FILES)
    sections = json.loads((knowing / "bundle" / "calibration.json").read_text())
    assert sections["reject"]["n_images"] == sections["conformal"]["n_images"] == 24
    assert "threshold that keeps 95 % of 24 validation images" in (knowing / "log.txt").read_text()
    report = json.loads((knowing / "report.json").read_text())
    assert report["seconds_by_phase"]["calibrate"] > 0


def test_the_csv_ends_with_the_set_and_whether_the_image_is_known(
    finetune: Finetune, knowing: Path, many: Path, strange: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.csv"
    (strange / "no.png").write_text("<html>")
    answer = finetune("predict", knowing, many / "test", strange, "--out", out, "--top", 1)
    assert answer.code == 0
    rows = read_csv(out)
    assert list(rows[0]) == [
        *("path", "label", "probability", "error", "top1_label", "top1_probability", "set", "known")
    ]
    of_test = [row for row in rows if "strange" not in row["path"]]
    assert sum(row["known"] == "true" for row in of_test) >= 12
    assert all(set(json.loads(row["set"])) <= set("abc") for row in of_test)
    (broken,) = [row for row in rows if row["error"]]
    assert (broken["set"], broken["known"]) == ("", "")
    others = [row for row in rows if "strange" in row["path"] and not row["error"]]
    assert [row["known"] for row in others] == ["false"] * 6


def test_the_line_and_the_json_say_none_of_these(finetune: Finetune, knowing: Path, strange: Path) -> None:
    image = strange / "1.png"
    assert f"{image}: none of these, nearest: " in finetune("predict", knowing, image, "--quiet").out
    (row,) = finetune("predict", knowing, image, "--json").json
    assert row["known"] is False
    assert isinstance(row["set"], list)


def test_a_coverage_makes_the_sets(finetune: Finetune, knowing: Path, many: Path) -> None:
    narrow, wide = (
        finetune("predict", knowing, many / "test", "--json", "--coverage", coverage).json
        for coverage in ("0.5", "0.99")
    )
    assert all(set(one["set"]) <= set(other["set"]) for one, other in zip(narrow, wide, strict=True))
    assert all(len(row["set"]) == 3 for row in wide), "24 images cannot promise 99 %"
    answer = finetune("predict", knowing, many / "test", "--coverage", "1.5")
    assert (answer.code, answer.error) == (
        2,
        "error: --coverage 1.5 is not between 0 and 1; 0.9 means nine sets of ten",
    )


def test_a_bundle_with_too_few_validation_images_answers_as_before(
    finetune: Finetune, bundle: Path, colours: Path
) -> None:
    assert "6 validation images are too few to tell unknown images by" in (bundle / "log.txt").read_text()
    (row, *_) = finetune("predict", bundle, colours / "lime", "--json").json
    assert set(row) == {"path", "label", "probability", "error", "top"}
    answer = finetune("predict", bundle, colours / "lime", "--coverage", "0.8")
    assert answer.code == 2
    assert "has no sets of plausible classes; train it again" in answer.error


def test_every_strategy_learns_what_is_known(
    finetune: Finetune, many: Path, strange: Path, random_tiny: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    command = ("fit", many, "--strategy", "from-scratch", *random_tiny, "--epochs", "1", "--out", run)
    assert finetune(*command, "--quiet").code == 0
    loaded = load_bundle(run)
    assert loaded.calibration.reject is not None
    found = list(predict(loaded, sorted(strange.glob("*.png")), coverage=0.8))
    assert all(isinstance(each.known, bool) and each.plausible is not None for each in found)


def test_several_views_are_compared_with_one(finetune: Finetune, knowing: Path, many: Path) -> None:
    told = finetune("evaluate", knowing, many, "--tta", "--json").json
    plain = finetune("evaluate", knowing, many, "--json").json
    ways = told["tta"]
    assert [way["views"] for way in ways] == [
        ["as it is"],
        ["as it is", "wider"],
        ["as it is", "closer"],
        ["as it is", "wider", "closer"],
    ], "single letters are not mirrored"
    assert ways[0]["accuracy"] == plain["accuracy"]
    assert ways[0]["log_loss"] == pytest.approx(plain["calibration"]["log_loss_after"], rel=1e-3)
    assert told["accuracy"] == ways[-1]["accuracy"]
    for way in ways[1:]:
        low, high = way["difference_interval"]
        assert low <= way["difference"] <= high
        assert way["log_loss_gain"] == pytest.approx(ways[0]["log_loss"] - way["log_loss"], abs=1e-6)
    answer = finetune("evaluate", knowing, many, "--tta")
    assert "no mirrored view: the class names 'a', 'b', 'c' are letters" in answer.err
    assert "by several views" in answer.out


def test_predictions_with_several_views_are_their_mean(finetune: Finetune, knowing: Path, many: Path) -> None:
    one, several = (
        finetune("predict", knowing, many / "test", "--json", *more).json for more in ((), ("--tta",))
    )
    assert [row["path"] for row in one] == [row["path"] for row in several]
    assert [row["known"] for row in one] == [row["known"] for row in several]
    assert [row["set"] for row in one] == [row["set"] for row in several]
    assert any(a["probability"] != b["probability"] for a, b in zip(one, several, strict=True))
    for row in several:
        assert math.isclose(sum(entry["probability"] for entry in row["top"]), 1, rel_tol=1e-6)
