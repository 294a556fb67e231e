"""Each measure against a value worked out in another way."""

import math
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, optimize, stats
from torch import nn

from finetune.advice.measures.certainty import certainty_of
from finetune.advice.measures.learning_curve import fit_curve, learning_curve
from finetune.advice.measures.neighbours import neighbour_accuracy
from finetune.advice.measures.shift import LayerShift, ShiftWatch, early_and_late, shift_of
from finetune.advice.measures.transferability import h_score, log_me


def batch_norm_shift(model: nn.Module, batches: Iterable[torch.Tensor]) -> tuple[LayerShift, ...]:
    with ShiftWatch(model) as watch, torch.inference_mode():
        for batch in batches:
            model.eval()(batch)
    return watch.shifts()


def clouds(n: int = 60, d: int = 6, apart: float = 2.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.array(["a", "b", "c"])[np.arange(n) % 3]
    centres = apart * np.eye(3, d)
    features = centres[np.arange(n) % 3] + random.normal(size=(n, d))
    return features.astype(np.float32), labels


def test_log_me_is_the_greatest_evidence_of_bayesian_regression() -> None:
    features, labels = clouds(n=30, d=4)
    gram = features.astype(np.float64) @ features.T.astype(np.float64)

    def best(y: np.ndarray) -> float:
        def lost(logs: np.ndarray) -> float:
            a, b = np.exp(logs)
            covariance = np.eye(len(y)) / b + gram / a
            return -float(stats.multivariate_normal(cov=covariance).logpdf(y)) / len(y)

        return -float(
            optimize.minimize(lost, np.zeros(2), method="Nelder-Mead", options={"fatol": 1e-12}).fun
        )

    expected = np.mean([best((labels == name).astype(float)) for name in "abc"])
    assert log_me(features, labels) == pytest.approx(expected, abs=1e-5)


def test_log_me_of_more_features_than_images_is_that_of_the_padded_problem() -> None:
    features, labels = clouds(n=12, d=5)
    wide = np.concatenate([features, np.zeros((12, 20), np.float32)], axis=1)
    assert log_me(wide, labels) == pytest.approx(log_me(features, labels), abs=1e-5)


def test_the_h_score_is_the_sum_of_generalised_eigenvalues() -> None:
    from sklearn.covariance import LedoitWolf

    features, labels = clouds()
    fitted = LedoitWolf().fit(features.astype(np.float64))
    means = {name: features[labels == name].mean(axis=0) for name in "abc"}
    between = np.cov(np.stack([means[name] for name in labels]).T, bias=True)
    expected = (1 - fitted.shrinkage_) * linalg.eigh(between, fitted.covariance_, eigvals_only=True).sum()
    assert h_score(features, labels) == pytest.approx(expected, rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(apart=st.floats(0.0, 8.0), seed=st.integers(0, 9))
def test_scores_stay_within_their_bounds(apart: float, seed: int) -> None:
    features, labels = clouds(apart=apart, seed=seed)
    assert 0 <= h_score(features, labels) <= 2
    assert 0 <= neighbour_accuracy(features, labels) <= 1
    assert math.isfinite(log_me(features, labels))


def test_features_that_tell_the_classes_apart_score_higher_than_noise() -> None:
    near, labels = clouds(apart=0.0)
    far, _ = clouds(apart=6.0)
    for score in (h_score, log_me, neighbour_accuracy):
        assert score(far, labels) > score(near, labels)


def test_neighbours_vote_and_an_image_does_not_vote_for_itself() -> None:
    angles = np.radians([0, 4, 8, 86, 90, 44])
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    labels = np.array(["a", "a", "a", "b", "b", "b"])
    # The last lies at 44 degrees: its nearest three are at 8, 4 and 86, so that it is outvoted.
    assert neighbour_accuracy(features, labels, k=1) == pytest.approx(5 / 6)
    assert neighbour_accuracy(features, labels, k=3) == pytest.approx(5 / 6)
    assert neighbour_accuracy(features[:2], labels[:2]) == 1.0


@settings(max_examples=50, deadline=None)
@given(floor=st.floats(0.0, 0.3), slope=st.floats(0.1, 3.0))
def test_a_curve_of_the_form_is_found_again(floor: float, slope: float) -> None:
    sizes = (25, 50, 100, 400)
    curve = fit_curve(sizes, [floor + slope / math.sqrt(n) for n in sizes])
    assert (curve.floor, curve.slope) == pytest.approx((floor, slope), abs=1e-6)
    assert curve.error(900) == pytest.approx(min(1.0, floor + slope / 30), abs=1e-6)
    assert curve.spread == pytest.approx(0, abs=1e-6)
    assert curve.gain_of_doubling(10_000) == pytest.approx(slope / 100 * (1 - math.sqrt(0.5)), abs=1e-6)


def test_an_error_that_rises_with_the_images_is_taken_for_constant() -> None:
    curve = fit_curve((50, 100, 200), (0.1, 0.2, 0.3))
    assert curve.slope == 0
    assert curve.gain_of_doubling(200) == 0


def test_the_curve_of_a_probe_foretells_what_all_images_give() -> None:
    features, labels = clouds(n=960, d=40, apart=2.0)
    curve = learning_curve(features[:480], labels[:480], seed=0)
    assert curve is not None
    assert len(curve.sizes) == 9
    more, _ = clouds(n=960, d=40, apart=2.0, seed=5)
    from sklearn.linear_model import RidgeClassifierCV

    truth = 1 - RidgeClassifierCV(np.logspace(-1, 5, 7)).fit(features[:480], labels[:480]).score(more, labels)
    assert curve.error(480) == pytest.approx(truth, abs=0.04)


def test_classes_too_small_for_two_sizes_have_no_curve() -> None:
    features, labels = clouds(n=9)
    assert learning_curve(features, labels, seed=0) is None


def test_the_shift_of_a_layer_is_worked_out_by_hand() -> None:
    # Two channels: moved by one of 2 standard deviations, and stretched from 1 to 3.
    value = shift_of(
        torch.tensor([2.0, 0.0]), torch.tensor([2.0, 3.0]), torch.zeros(2), torch.tensor([4.0, 1.0]), eps=0.0
    )
    assert value == pytest.approx((4 / 4 + 4 / 1) / 2)


def test_the_shift_through_a_network_is_that_of_the_images_that_went_in() -> None:
    torch.manual_seed(0)
    first, second = nn.BatchNorm2d(3), nn.BatchNorm2d(4)
    model = nn.Sequential(first, nn.Conv2d(3, 4, 3), second, nn.Flatten())
    images = torch.randn(10, 3, 6, 6) * 2 + 1
    shifts = batch_norm_shift(model, images.split(4))
    assert [shift.layer for shift in shifts] == ["0", "2"]
    mean, std = images.mean((0, 2, 3)), images.std((0, 2, 3), correction=0)
    assert shifts[0].value == pytest.approx(
        float((mean**2 + (std - 1) ** 2).mean() / (1 + first.eps)), rel=1e-4
    )
    assert early_and_late(shifts) == (shifts[0].value, shifts[1].value)
    assert not first._forward_pre_hooks


def test_images_like_those_of_training_have_no_shift_and_others_have() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
    model[1].momentum = None  # the mean of all batches
    images = torch.randn(256, 3, 8, 8)
    model(images)
    model.eval()
    same, other = (batch_norm_shift(model, [batch])[0].value for batch in (images, images * 3 + 2))
    assert same < 1e-4
    assert other > 1


def test_a_network_without_batch_norm_has_no_shift() -> None:
    assert batch_norm_shift(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), [torch.randn(2, 3, 8, 8)]) == ()


def test_certainty_of_answers_worked_out_by_hand() -> None:
    sure = certainty_of(torch.tensor([[50.0, 0.0, 0.0, 0.0]]))
    unsure = certainty_of(torch.zeros(3, 4))
    half = certainty_of(torch.tensor([[math.log(3), 0.0]]))
    assert (sure.entropy, sure.confidence) == pytest.approx((0, 1), abs=1e-9)
    assert (unsure.entropy, unsure.confidence) == pytest.approx((1, 0.25))
    assert half.entropy == pytest.approx(stats.entropy([0.75, 0.25], base=2))
    assert half.confidence == pytest.approx(0.75)
