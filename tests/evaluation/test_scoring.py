"""The figures of a report: what is in them, what has no value, and that they are plain JSON."""

import json

import numpy as np
import pytest

from finetune.evaluation.metrics import measure, softmax
from finetune.evaluation.scoring import score


def answers(n_images: int, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    targets = generator.integers(0, n_classes, n_images)
    logits = generator.normal(size=(n_images, n_classes)).astype(np.float32)
    logits[np.arange(n_images), targets] += 1
    return softmax(logits), targets


def test_the_values_are_those_of_the_metrics_and_lie_within_their_intervals() -> None:
    shares, targets = answers(400, 8)
    figures, metrics = score(shares, targets, list("abcdefgh")), measure(shares, targets)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"):
        figure = figures.overall[name]
        assert figure.value == pytest.approx(getattr(metrics, name))
        assert figure.low is not None
        assert figure.high is not None
        assert figure.value is not None
        assert figure.low < figure.value < figure.high
    assert figures.to_json()["figures"]["top_k"]["k"] == 5


def test_top_five_is_left_out_where_five_classes_are_all() -> None:
    assert "top_k" not in score(*answers(50, 5), list("abcde")).overall
    assert "top_k" in score(*answers(50, 6), list("abcdef")).overall


def test_a_class_without_images_or_calls_has_no_score_and_the_file_stays_json() -> None:
    shares = np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.6, 0.3, 0.1]])
    found = score(shares, np.array([0, 0, 1]), ["ants", "bees", "wasps"])
    ants, bees, wasps = found.classes
    assert (ants.support, bees.support, wasps.support) == (2, 1, 0)
    assert (wasps.precision.value, wasps.recall.value, wasps.f1.value) == (None, None, None)
    assert (bees.precision.value, bees.recall.value, bees.f1.value) == (None, 0.0, 0.0)
    text = json.dumps(found.to_json(), allow_nan=False)
    assert json.loads(text)["per_class"][2] == {
        "class": "wasps",
        "support": 0,
        **dict.fromkeys(("precision", "recall", "f1")),
        **dict.fromkeys(("precision_interval", "recall_interval", "f1_interval")),
    }


def test_one_image_alone_has_figures() -> None:
    found = score(np.array([[0.3, 0.7]]), np.array([1]), ["a", "b"])
    assert found.overall["accuracy"].value == 1
    assert found.overall["accuracy"].low == pytest.approx(0.2065, abs=1e-3), "Wilson's of one of one"
