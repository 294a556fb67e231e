"""The temperature undoes what a scale did to the logits, and the errors are those of torchmetrics."""

import json

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from finetune.evaluation.calibration import (
    BINS,
    COLDEST,
    UNCALIBRATED,
    Calibration,
    calibrate,
    calibration_error,
    fit_temperature,
    judge,
    reliability,
)
from finetune.evaluation.metrics import softmax


def honest(n_images: int, n_classes: int = 4, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that mean what they say: each class is drawn with the probability given to it."""
    generator = np.random.default_rng(seed)
    logits = (2 * generator.normal(size=(n_images, n_classes))).astype(np.float32)
    shares = softmax(logits).cumsum(axis=1)
    return logits, (generator.random((n_images, 1)) > shares).sum(axis=1).clip(max=n_classes - 1)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_the_temperature_is_what_the_logits_were_multiplied_by(scale: float) -> None:
    logits, targets = honest(4000)
    assert fit_temperature(scale * logits, targets) == pytest.approx(scale, rel=0.06)


def test_it_is_at_the_minimum_of_the_log_loss() -> None:
    logits, targets = honest(2000)
    found = fit_temperature(2.5 * logits, targets)
    loss = {
        t: -np.log(softmax(2.5 * logits.astype(np.float64) / t)[np.arange(2000), targets]).mean()
        for t in (0.9 * found, found, 1.1 * found)
    }
    assert min(loss, key=lambda t: loss[t]) == found


def test_calibration_takes_overconfidence_back_and_changes_no_label() -> None:
    logits, targets = honest(3000)
    val_logits, val_targets = honest(3000, seed=1)
    fitted = calibrate(3 * val_logits, val_targets, fitted_on="val")
    judged, shares = judge(fitted, 3 * logits, targets)
    assert judged.ece_before is not None
    assert judged.ece_after is not None
    assert judged.ece_before > 0.1
    assert judged.ece_after < 0.03
    assert judged.log_loss_before is not None
    assert judged.log_loss_after is not None
    assert judged.log_loss_after < judged.log_loss_before
    assert (shares.argmax(axis=1) == logits.argmax(axis=1)).all()
    assert (judged.temperature, judged.fitted_on, judged.n_images) == (fitted.temperature, "val", 3000)


def test_images_that_are_all_right_do_not_ask_for_certainty() -> None:
    logits = np.eye(3, dtype=np.float32)[np.arange(30) % 3] * 4
    found = fit_temperature(logits, np.arange(30) % 3)
    assert found > 10 * COLDEST
    assert softmax(logits / found).max() == pytest.approx(31 / 32, abs=1e-3), "as sure as thirty images allow"


def test_too_few_images_leave_the_probabilities_as_they_are_and_say_why() -> None:
    logits, targets = honest(19)
    found = calibrate(logits, targets, fitted_on="val")
    assert (found.temperature, found.fitted_on) == (1.0, "none")
    assert "19 images are too few" in found.reason


def test_images_that_fitted_the_temperature_are_judged_without_themselves() -> None:
    logits, targets = honest(40)
    fitted = calibrate(3 * logits, targets, fitted_on="val")
    honestly, _ = judge(fitted, 3 * logits, targets, own_images=True)
    fondly, _ = judge(fitted, 3 * logits, targets)
    assert honestly.log_loss_after is not None
    assert fondly.log_loss_after is not None
    assert honestly.log_loss_after > fondly.log_loss_after


@pytest.mark.parametrize("n_classes", [2, 4, 30])
def test_the_error_is_that_of_torchmetrics(n_classes: int) -> None:
    logits, targets = honest(500, n_classes)
    shares = softmax(logits)
    wanted = multiclass_calibration_error(
        torch.from_numpy(shares), torch.from_numpy(targets), n_classes, n_bins=BINS, norm="l1"
    )
    assert calibration_error(shares, targets) == pytest.approx(float(wanted), abs=1e-6)


def test_the_bins_hold_every_image_once_certain_ones_too() -> None:
    bins = reliability(np.array([[1.0, 0.0], [0.5, 0.5], [0.99, 0.01]]), np.array([0, 1, 1]))
    assert [each["n"] for each in bins] == [1, 2]
    assert bins[-1]["accuracy"] == 0.5
    assert bins[-1]["high"] == 1


def test_one_class_and_very_many_classes_are_no_trouble() -> None:
    assert fit_temperature(np.ones((25, 1), np.float32), np.zeros(25, int)) == 1.0
    logits, targets = honest(300, 20_000)
    assert fit_temperature(logits, targets) > 0


def test_it_survives_json_and_refuses_nonsense() -> None:
    found = Calibration(1.5, "val", 30, 0.2, 0.1)
    assert Calibration.from_json(json.loads(json.dumps({**found.to_json(), "newer": 1}))) == found
    for nonsense in (0, -1, "warm", float("inf"), float("nan")):
        with pytest.raises(ValueError, match="a temperature is a number above 0"):
            Calibration.from_json({"temperature": nonsense})
    assert UNCALIBRATED.probabilities(np.array([[1, 2]], np.float32)) == pytest.approx(
        softmax(np.array([[1, 2]], np.float32))
    )
