"""Baselines beside a run: measured on its own images, and left out with a reason rather than failing it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_set
from sklearn.neighbors import KNeighborsClassifier

from finetune.advice.measures.neighbours import neighbour_calls
from finetune.evaluation.metrics import measure
from finetune.progress import SILENT
from finetune.recipe import Recipe
from finetune.training import baselines
from finetune.training.baselines import find_baselines
from finetune.training.setup import Setup, set_up

TINY = {"backbone": "test_resnet", "weights": "none", "image_size": 32, "workers": 0, "seed": 1}


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    data = draw_set(tmp_path / "data", {"ants": 20, "bees": 20})
    return set_up(data, Recipe.make(strategy="from-scratch", epochs=1, **TINY), offline=True, reporter=SILENT)


def metrics_of(n_images: int):
    shares = np.tile([0.9, 0.1], (n_images, 1))
    return measure(shares, np.arange(n_images) % 2)


def test_a_network_without_weights_is_set_beside_packaged_ones(setup: Setup) -> None:
    judged = setup.prepared.split.test
    found = find_baselines(setup, judged, metrics_of(len(judged)), in_time=True, reporter=SILENT)
    assert found.keys() == {"majority", "knn", "linear_probe"}
    for name in ("knn", "linear_probe"):
        low, high = found[name]["accuracy_interval"]
        assert 0 <= low <= found[name]["accuracy"] <= high <= 1
        assert found[name]["n_images"] == len(judged)
        assert found[name]["how"] == "read the features of tf_efficientnet_lite0 pretrained, at 32 px"


def test_of_many_images_a_part_is_looked_at_and_told(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "MOST_LEARNT_ANEW", 10)
    monkeypatch.setattr(baselines, "MOST_JUDGED_ANEW", 4)
    judged = setup.prepared.split.test
    found = find_baselines(setup, judged, metrics_of(len(judged)), in_time=True, reporter=SILENT)
    assert found["knn"]["n_images"] == 4
    assert found["knn"]["how"].endswith(f"of 10 training images, and are judged on 4 of the {len(judged)}")


def test_without_time_or_weights_they_are_left_out_with_the_reason(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = setup.prepared.split.test
    late = find_baselines(setup, judged, metrics_of(len(judged)), in_time=False, reporter=SILENT)
    assert "--max-minutes" in late["knn"]["left_out"]
    assert late["majority"]["accuracy"] == pytest.approx(measure_majority(len(judged)))
    monkeypatch.setattr(baselines, "PACKAGED_BACKBONE", "resnet18")
    none = find_baselines(setup, judged, metrics_of(len(judged)), in_time=True, reporter=SILENT)
    assert "none are packaged" in none["knn"]["left_out"]
    assert "accuracy" not in none["linear_probe"]


def measure_majority(n_images: int) -> float:
    return (n_images + 1) // 2 / n_images


def test_an_image_that_is_gone_does_not_fail_the_run(setup: Setup) -> None:
    judged = [
        dataclasses.replace(image, path=image.path.with_name("gone.png"))
        for image in setup.prepared.split.test
    ]
    found = find_baselines(setup, judged, metrics_of(len(judged)), in_time=True, reporter=SILENT)
    assert "gone.png" in found["knn"]["left_out"]


def test_the_vote_of_neighbours_is_that_of_scikit_learn_where_none_is_tied() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 80)
    features = (generator.normal(size=(80, 6)) + labels[:, None]).astype(np.float32)
    asked = generator.normal(size=(30, 6)).astype(np.float32)
    wanted = KNeighborsClassifier(5, metric="cosine").fit(features, labels).predict(asked)
    assert (neighbour_calls(features, labels.astype(str), asked, k=5).astype(int) == wanted).all()
    assert set(neighbour_calls(features[:2], np.array(["a", "a"]), asked)) == {"a"}, "fewer than ten"
