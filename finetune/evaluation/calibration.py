"""Make a classifier's probabilities mean what they say: one temperature, fitted on images that trained nothing.

The probabilities are softmax(logits / T). T > 1 takes back overconfidence; no label changes (Guo et al., *On
calibration of modern neural networks*, ICML 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from finetune.evaluation.metrics import Probabilities, Targets, softmax

Logits = NDArray[np.float32]
FittedOn = Literal["val", "out-of-fold", "none"]

BINS = 15
"""Of equal width, as in Guo et al."""

COLDEST, HOTTEST = 0.05, 20.0
FEWEST_IMAGES = 20
"""Fewer say next to nothing of a temperature."""

MOST_LOGITS = 4 * 10**6
"""Of more, images are left out: 4,000 of 1,000 classes settle the temperature within a percent or two."""

FOLDS = 5


class Reliability(TypedDict):
    """A bin of confidences from ``low`` to ``high`` with ``n`` > 0 images, the mean confidence and the accuracy."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """A ``temperature`` > 0, what it was fitted on, and the expected calibration error in [0, 1] on judged images.

    ``n_images`` fitted it. The errors are None until somebody has judged; ``reason`` says why nothing was fitted.
    """

    temperature: float = 1.0
    fitted_on: FittedOn = "none"
    n_images: int = 0
    ece_before: float | None = None
    ece_after: float | None = None
    log_loss_before: float | None = None
    log_loss_after: float | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what `to_json` gave; fields of newer versions are passed over. Raises ValueError."""
        known = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        made = cls(**known)
        if not isinstance(made.temperature, (int, float)) or not 0 < made.temperature < float("inf"):
            raise ValueError(f"a temperature is a number above 0, not {made.temperature}")
        return made

    def probabilities(self, logits: Logits) -> Probabilities:
        """Return n x K calibrated probabilities of n x K ``logits``, in float64."""
        return softmax(logits.astype(np.float64) / self.temperature)


UNCALIBRATED = Calibration()


def calibrate(logits: Logits, targets: Targets, *, fitted_on: FittedOn) -> Calibration:
    """Fit the temperature to n x K ``logits`` of images that trained nothing; fewer than `FEWEST_IMAGES` give 1."""
    if len(targets) < FEWEST_IMAGES:
        reason = f"{len(targets)} images are too few to fit a temperature to ({FEWEST_IMAGES} are needed)"
        return Calibration(n_images=len(targets), reason=reason)
    return Calibration(fit_temperature(logits, targets), fitted_on, len(targets))


def fit_temperature(logits: Logits, targets: Targets) -> float:
    """Return the T in [`COLDEST`, `HOTTEST`] with the least log loss of ``logits`` / T, n x K, n >= 1, K >= 1.

    As in Platt's scaling (*Probabilistic outputs for support vector machines*, 1999) the truth gets (n + 1) / (n + 2)
    of each target and the other classes the rest: images that are all right would else ask for T = 0. The loss is
    convex in 1 / T. Of more than `MOST_LOGITS` a seeded part of the images is used.
    """
    from scipy.optimize import minimize_scalar

    if logits.shape[1] < 2:
        return 1.0
    most = max(FEWEST_IMAGES, MOST_LOGITS // logits.shape[1])
    if len(targets) > most:
        part = np.random.default_rng(0).choice(len(targets), most, replace=False)
        logits, targets = logits[part], targets[part]
    n_images, n_classes = logits.shape
    centred = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    of_truth = centred[np.arange(n_images), targets]
    sure = (n_images + 1) / (n_images + 2)
    wanted = float(np.mean(sure * of_truth + (1 - sure) * (centred.sum(axis=1) - of_truth) / (n_classes - 1)))

    def loss(cold: float) -> float:
        # The largest is 0, so that nothing overflows.
        return float(np.mean(np.log(np.exp(cold * centred).sum(axis=1)))) - cold * wanted

    # Over the logarithm, so that both ends are searched with the same relative precision.
    found = minimize_scalar(
        lambda log_cold: loss(float(np.exp(log_cold))),
        bounds=(-np.log(HOTTEST), -np.log(COLDEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(-found.x))


def judge(
    calibration: Calibration, logits: Logits, targets: Targets, *, own_images: bool = False
) -> tuple[Calibration, Probabilities]:
    """Return ``calibration`` with its errors and losses on the judged images, and their calibrated probabilities.

    ``own_images``: these are the images that the temperature was fitted on. Each fifth of them is then judged at the
    temperature of the other four, so that no image is judged by what it helped to fit.
    """
    from sklearn.metrics import log_loss

    before = softmax(logits)
    is_crossed = own_images and calibration.fitted_on != "none"
    after = _crossed(logits, targets) if is_crossed else calibration.probabilities(logits)
    labels = np.arange(logits.shape[1])
    losses = [
        float(log_loss(targets, each, labels=labels)) if len(labels) > 1 else 0.0 for each in (before, after)
    ]
    judged = replace(
        calibration,
        ece_before=calibration_error(before, targets),
        ece_after=calibration_error(after, targets),
        log_loss_before=losses[0],
        log_loss_after=losses[1],
    )
    return judged, after


def _crossed(logits: Logits, targets: Targets) -> Probabilities:
    folds = np.random.default_rng(0).permutation(len(targets)) % FOLDS
    probabilities = np.zeros(logits.shape)
    for fold in range(FOLDS):
        held = folds == fold
        if held.any():
            cooled = logits[held].astype(np.float64) / fit_temperature(logits[~held], targets[~held])
            probabilities[held] = softmax(cooled)
    return probabilities


def calibration_error(probabilities: Probabilities, targets: Targets) -> float:
    """Return the expected calibration error in [0, 1]: how far confidence and accuracy lie apart, over `BINS` bins.

    It is torchmetrics' ``MulticlassCalibrationError`` with the l1 norm, whose import would cost a second.
    """
    bins = reliability(probabilities, targets)
    return sum(each["n"] * abs(each["confidence"] - each["accuracy"]) for each in bins) / len(targets)


def reliability(probabilities: Probabilities, targets: Targets) -> list[Reliability]:
    """Return the bins that hold images, by rising confidence; ``probabilities`` are n x K."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    place = np.minimum(BINS - 1, (confidence * BINS).astype(int))
    return [
        {
            "low": number / BINS,
            "high": (number + 1) / BINS,
            "n": int(held.sum()),
            "confidence": float(confidence[held].mean()),
            "accuracy": float(right[held].mean()),
        }
        for number in range(BINS)
        if (held := place == number).any()
    ]
