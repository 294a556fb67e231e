"""Finished runs are compared by what their folders keep, and judged with a page of their own."""

import json
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from conftest import Finetune, Finished

from finetune.bundle.manifest import seal
from finetune.evaluation.predictions import read_predictions


def test_two_runs_on_the_same_images_are_compared(finetune: Finetune, finished: dict[str, Finished]) -> None:
    first, second = (finished[name] for name in ("freeze-all", "from-scratch"))
    found = finetune("compare", first.folder, second.folder, "--json").json
    assert found["n_images"] == first.report["n_test"]
    assert found["accuracy"] == [first.report["accuracy"], second.report["accuracy"]]
    assert found["difference"] == pytest.approx(second.report["accuracy"] - first.report["accuracy"])
    assert found["interval"][0] <= found["difference"] <= found["interval"][1]
    assert found["can_be_told_apart"] is False, "four images tell nothing apart"
    said = finetune("compare", first.folder, second.folder)
    assert said.code == 0
    assert said.out.startswith(f"cannot be told apart: on the same 4 images {second.folder} gets ")


def test_what_cannot_be_compared_is_refused(
    finetune: Finetune,
    finished: dict[str, Finished],
    colours: Path,
    tiny: tuple[str, ...],
    tmp_path: Path,
) -> None:
    folder = finished["freeze-all"].folder
    chosen = ("--strategy", "freeze-all", *tiny)
    assert finetune("fit", colours, *chosen, "--seed", 5, "--out", tmp_path / "other").code == 0
    other = finetune("compare", folder, tmp_path / "other")
    assert other.code == 6
    assert "were judged on other images" in other.error
    none = finetune("compare", folder, tmp_path / "nowhere")
    assert (none.code, "no run folder at" in none.error) == (6, True)
    (tmp_path / "other" / "predictions.csv").unlink()
    gone = finetune("compare", folder, tmp_path / "other")
    assert (gone.code, "predictions.csv is missing" in gone.error) == (6, True)
    record = json.loads((tmp_path / "other" / "run.json").read_text())
    (tmp_path / "other" / "run.json").write_text(json.dumps({**record, "state": "interrupted"}))
    unfinished = finetune("compare", tmp_path / "other", folder)
    assert unfinished.code == 6
    assert unfinished.error.endswith(f"go on with it by `finetune fit --resume {tmp_path / 'other'}`")


@pytest.mark.parametrize("strategy", ["freeze-all", "partial", "from-scratch"])
def test_a_run_keeps_its_figures_predictions_and_page(finished: dict[str, Finished], strategy: str) -> None:
    run = finished[strategy]
    report = run.report
    said = read_predictions(
        run.folder / "predictions.csv", run.folder / "predictions.safetensors", report["classes"]
    )
    assert said.hits.sum() == report["n_correct"]
    assert len(said.digests) == report["n_test"]
    assert report["figures"]["accuracy"]["value"] == report["accuracy"]
    assert report["baselines"]["majority"]["accuracy"] == report["majority_accuracy"]
    assert 0 <= report["baselines"]["knn"]["accuracy"] <= 1
    assert sorted(report["confusion_order"]) == [0, 1, 2]
    assert np.array(report["confusion"]).sum() == sum(row["support"] for row in report["per_class"])
    assert {"baselines", "report"} <= report["seconds_by_phase"].keys()
    assert {"images", "trained weights", "recipe"} == report["hashes"].keys()
    page = unescape((run.folder / "report.html").read_text(encoding="utf-8"))
    assert f"{strategy} on colours" in page
    assert report["hashes"]["trained weights"] in page
    assert all(f"{name}/" in page for name in report["classes"]), "the gallery names its images"
    assert ("What moved" in page) == (strategy != "freeze-all")


def test_the_baselines_of_each_strategy_are_had_or_told_why_not(finished: dict[str, Finished]) -> None:
    found = {name: run.report["baselines"]["linear_probe"] for name, run in finished.items()}
    assert found["freeze-all"] == {"left_out": "this classifier is one itself"}
    assert found["partial"]["how"] == "read the features of test_resnet pretrained, at 32 px"
    assert "tf_efficientnet_lite0 pretrained" in found["from-scratch"]["how"], "packaged weights stand in"
    assert found["partial"]["n_images"] == 4


def test_too_few_validation_images_fit_the_temperature_out_of_fold_or_not_at_all(
    finished: dict[str, Finished],
) -> None:
    solved, stepped = (finished[name].report["calibration"] for name in ("freeze-all", "partial"))
    assert (solved["fitted_on"], solved["n_images"]) == ("out-of-fold", 32)
    assert (stepped["fitted_on"], stepped["temperature"]) == ("none", 1.0)
    assert "the 6 validation images are too few" in stepped["reason"]


def test_an_evaluation_gives_the_same_figures_as_the_report(
    finetune: Finetune, lacking: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    run, page = tmp_path / "run", tmp_path / "page.html"
    chosen = ("--strategy", "freeze-all", *tiny)
    report = finetune("fit", lacking, *chosen, "--out", run, "--json").json
    found = finetune("evaluate", run, lacking, "--json", "--html", page).json
    for name in ("figures", "per_class", "confusion_order", "most_confused", "bootstrap"):
        assert found[name] == report[name]
    assert found["calibration"]["temperature"] == report["calibration"]["temperature"]
    assert f"run on {lacking.name}" in page.read_text(encoding="utf-8")
    shown = finetune("evaluate", run, lacking)
    assert "macro f1" in shown.out
    assert "calibration error" in shown.out


@pytest.mark.parametrize("place", [".", "nowhere/page.html"])
def test_a_page_that_cannot_be_written_is_refused_before_anything_is_measured(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path, place: str
) -> None:
    refused = finetune("evaluate", bundle, colours, "--html", tmp_path / place)
    assert refused.code == 2
    assert refused.error.startswith(f"error: --html {tmp_path / place}")
    assert "checking images" not in refused.err


def test_a_damaged_calibration_is_refused(
    finetune: Finetune, finished: dict[str, Finished], colours: Path
) -> None:
    path = finished["full-finetune"].folder / "bundle" / "calibration.json"
    before = path.read_text()
    path.write_text('{"temperature": -1}')
    seal(path.parent)
    refused = finetune("evaluate", finished["full-finetune"].folder, colours)
    path.write_text(before)
    seal(path.parent)
    assert refused.code == 6
    assert "is damaged (calibration.json: ValueError temperature -1)" in refused.error
