"""Scores against values worked out by hand and against scikit-learn; intervals against the published formula."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from finetune.evaluation.metrics import measure, softmax, wilson_interval


def probabilities_of(called: list[int], n_classes: int, sure: float = 0.9) -> np.ndarray:
    """Each image calls one class with ``sure``, the others share the rest."""
    rest = (1 - sure) / (n_classes - 1)
    shares = np.full((len(called), n_classes), rest)
    shares[np.arange(len(called)), called] = sure
    return shares


def test_the_scores_of_six_images_are_those_worked_out_by_hand() -> None:
    """Truth 0 0 0 1 1 2, called 0 0 1 1 2 2."""
    metrics = measure(probabilities_of([0, 0, 1, 1, 2, 2], 3), np.array([0, 0, 0, 1, 1, 2]))
    assert (metrics.n_images, metrics.n_correct) == (6, 4)
    assert metrics.accuracy == pytest.approx(4 / 6)
    assert metrics.balanced_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    # F1: class 0: p 1, r 2/3 -> 4/5; class 1: p 1/2, r 1/2 -> 1/2; class 2: p 1/2, r 1 -> 2/3
    assert metrics.macro_f1 == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)
    assert metrics.log_loss == pytest.approx(-(4 * math.log(0.9) + 2 * math.log(0.05)) / 6)
    assert metrics.majority_accuracy == pytest.approx(3 / 6)
    assert metrics.confusion == ((2, 1, 0), (0, 1, 1), (0, 0, 1))


def test_a_class_without_images_counts_in_no_mean_but_has_its_row() -> None:
    metrics = measure(probabilities_of([0, 0, 2], 3), np.array([0, 0, 0]))
    assert metrics.balanced_accuracy == pytest.approx(2 / 3)
    assert metrics.macro_f1 == pytest.approx(0.8)
    assert metrics.confusion == ((2, 0, 1), (0, 0, 0), (0, 0, 0))


def test_one_image_is_enough() -> None:
    metrics = measure(probabilities_of([1], 2), np.array([1]))
    assert metrics.accuracy == metrics.macro_f1 == metrics.balanced_accuracy == 1
    assert 0.2 < metrics.accuracy_interval[0] < metrics.accuracy_interval[1] == 1


@given(st.integers(2, 6), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=60))
def test_the_scores_equal_scikit_learn_s(n_classes: int, pairs: list[tuple[int, int]]) -> None:
    targets = np.array([truth % n_classes for truth, _ in pairs])
    called = [call % n_classes for _, call in pairs]
    metrics = measure(probabilities_of(called, n_classes), targets)
    present = np.unique(targets)
    expected = f1_score(targets, called, labels=present, average="macro", zero_division=0)
    assert metrics.macro_f1 == pytest.approx(expected)
    assert metrics.accuracy == np.mean(targets == called)
    recalls = [np.mean(np.array(called)[targets == label] == label) for label in present]
    assert metrics.balanced_accuracy == pytest.approx(np.mean(recalls))
    if len(present) > 1 and set(called) <= set(present.tolist()):
        assert metrics.balanced_accuracy == pytest.approx(balanced_accuracy_score(targets, called))
    assert sum(map(sum, metrics.confusion)) == len(pairs)
    assert sum(metrics.confusion[k][k] for k in range(n_classes)) == metrics.n_correct
    assert metrics.accuracy_interval[0] <= metrics.accuracy <= metrics.accuracy_interval[1]


@pytest.mark.parametrize(
    ("n_correct", "n_images", "low", "high"),
    [
        (145, 153, 0.90017, 0.97327),
        (15, 148, 0.06241, 0.16054),  # Newcombe, Statistics in Medicine 1998, table I: 0.0624 to 0.1605
        (81, 263, 0.25527, 0.36621),  # the same: 0.2553 to 0.3662
        (0, 20, 0.0, 0.16113),  # the same: 0 to 0.1611
        (1, 29, 0.00611, 0.17176),  # the same: 0.0061 to 0.1718
    ],
)
def test_the_interval_is_wilson_s(n_correct: int, n_images: int, low: float, high: float) -> None:
    z, p = 1.959963984540054, n_correct / n_images
    centre = (p + z * z / (2 * n_images)) / (1 + z * z / n_images)
    half = z * math.sqrt(p * (1 - p) / n_images + z * z / (4 * n_images**2)) / (1 + z * z / n_images)
    assert wilson_interval(n_correct, n_images) == pytest.approx((centre - half, centre + half), abs=1e-9)
    assert wilson_interval(n_correct, n_images) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_lies_in_zero_to_one_around_the_share(n_correct: int, n_images: int) -> None:
    n_correct = min(n_correct, n_images)
    low, high = wilson_interval(n_correct, n_images)
    assert 0 <= low <= n_correct / n_images + 1e-12
    assert n_correct / n_images - 1e-12 <= high <= 1


def test_a_sure_mistake_costs_a_finite_loss() -> None:
    metrics = measure(np.array([[1.0, 0.0]]), np.array([1]))
    assert 30 < metrics.log_loss < 40


def test_softmax_rows_sum_to_one_even_for_huge_logits() -> None:
    shares = softmax(np.array([[1e4, 0, -1e4], [0, 0, 0]], dtype=np.float32))
    assert shares.dtype == np.float64
    np.testing.assert_allclose(shares, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]])


def test_the_metrics_are_ready_for_json() -> None:
    metrics = measure(probabilities_of([0, 1], 2), np.array([0, 1]))
    found = json.loads(json.dumps(metrics.to_json()))
    assert found["accuracy"] == 1
    assert found["confusion"] == [[1, 0], [0, 1]]
    assert len(found["accuracy_interval"]) == 2
