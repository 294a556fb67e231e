"""The report has its stable keys and a sentence that claims no more than was measured."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import finetune
from finetune.evaluation.metrics import measure
from finetune.evaluation.report import Report, versions

PROMISED = {
    "schema",
    "strategy",
    "strategy_requested",
    "backbone",
    "weights",
    "accuracy",
    "accuracy_split",
    "selection_split",
    "n_train",
    "n_val",
    "n_test",
    "classes",
    "trainable_share",
    "seconds",
    "seconds_by_phase",
    "seed",
    "versions",
    "accuracy_interval",
}


def a_report() -> Report:
    shares = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    return Report(
        strategy="partial",
        strategy_requested="auto",
        backbone="resnet18",
        weights={
            "source": "cache",
            "origin": "timm/resnet18.tv_in1k",
            "sha256": "ab",
            "licence": "bsd-3-clause",
        },
        metrics=measure(shares, np.array([0, 0, 1, 1])),
        accuracy_split="test",
        selection_split="val",
        n_images={"train": 20, "val": 5, "test": 4},
        class_names=("größe", "ants"),
        trainable_share=0.75,
        image_size=224,
        seconds_by_phase={"prepare": 1.234, "train": 10.0},
        seed=3,
        stopped="all epochs done",
        advice=None,
        quarantined=1,
    )


def test_the_file_has_every_promised_key(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    a_report().write(path)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert set(found) >= PROMISED
    assert found["accuracy"] == 0.75
    assert found["accuracy_interval"] == [pytest.approx(0.3006, abs=1e-3), pytest.approx(0.9544, abs=1e-3)]
    assert (found["n_train"], found["n_val"], found["n_test"]) == (20, 5, 4)
    assert found["classes"] == ["größe", "ants"]
    assert found["seconds"] == 11.23
    assert found["seconds_by_phase"] == {"prepare": 1.23, "train": 10.0}
    assert found["confusion"] == [[2, 0], [1, 1]]
    assert set(found["weights"]) >= {"source", "sha256", "licence"}
    assert found["schema"] == 1
    assert "größe" in path.read_text(encoding="utf-8")


def test_notes_that_must_be_read_beside_the_result_are_in_the_file() -> None:
    assert a_report().to_json()["notes"] == []
    noted = dataclasses.replace(a_report(), notes=("training diverged: the training loss became nan",))
    assert noted.to_json()["notes"] == ["training diverged: the training loss became nan"]


def test_the_sentence_gives_counts_interval_and_what_guessing_gets() -> None:
    assert a_report().sentence() == (
        "partial: 3 of 4 test images right, 75.0 % (95 % interval 30.1 to 95.4), macro F1 0.733; "
        "always naming the commonest class gets 50.0 %"
    )


def test_an_accuracy_on_the_split_that_chose_the_epoch_says_so() -> None:
    report = dataclasses.replace(a_report(), accuracy_split="val")
    assert "(95 % interval 30.1 to 95.4, selected on this split)" in report.sentence()
    chosen_on_nothing = dataclasses.replace(report, selection_split=None)
    assert "selected" not in chosen_on_nothing.sentence()


def test_the_versions_name_python_and_what_decides_the_numbers() -> None:
    found = versions()
    assert found["finetune-strategies"] == finetune.__version__
    assert {"python", "torch", "timm", "pytorch-lightning", "scikit-learn", "pillow"} <= set(found)
    assert all(version[0].isdigit() for version in found.values())


def test_a_report_comes_back_from_its_file(tmp_path: Path) -> None:
    combined = {"wise_ft": {"alpha": 0.5}, "folds": 5}
    full = dataclasses.replace(a_report(), combined=combined, notes=("diverged",), corrections={"relabel": 3})
    for report in (a_report(), full):
        report.write(tmp_path / "report.json")
        again = Report.read(tmp_path / "report.json")
        assert again.to_json() == report.to_json() | {"seconds_by_phase": {"prepare": 1.23, "train": 10.0}}
        assert again.metrics == report.metrics
        assert again.sentence() == report.sentence()
