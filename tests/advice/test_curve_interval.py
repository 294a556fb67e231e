"""The interval of a learning curve's slope holds the true one as often as it says, whatever made the errors."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from finetune.advice.measures.curve_interval import overdispersion, slope_interval
from finetune.advice.measures.learning_curve import LearningCurve, fit_curve

N_CURVES = 300


def sizes_of(n_measured: int) -> np.ndarray:
    return np.repeat([n_measured // 8, n_measured // 4, n_measured // 2], 3)


def counted(
    floor: float, slope: float, random: np.random.Generator, *, n_measured: int = 512, unsteady: float = 0.0
) -> LearningCurve:
    """A curve of errors counted on the images left out, each draw of them harder or easier by ``unsteady``."""
    sizes = sizes_of(n_measured)
    truth = floor + slope / np.sqrt(sizes) + unsteady * random.normal(size=len(sizes))
    asked = n_measured - sizes
    errors = random.binomial(asked, truth.clip(0, 1)) / asked
    return fit_curve(sizes.tolist(), errors.tolist())


def coverage(
    floors: tuple[float, float], slopes: tuple[float, float], *, n_measured: int = 512, unsteady: float = 0.0
) -> float:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(N_CURVES):
        floor, slope = random.uniform(*floors), random.uniform(*slopes)
        curve = counted(floor, slope, random, n_measured=n_measured, unsteady=unsteady)
        low, high = slope_interval(curve, n_measured=n_measured, confidence=0.8)
        held += low <= slope <= high
    return held / N_CURVES


@pytest.mark.parametrize(
    ("floors", "slopes", "n_measured", "unsteady"),
    [
        ((0.0, 0.3), (0.0, 4.0), 512, 0.0),
        ((0.0, 0.3), (0.0, 2.0), 120, 0.0),
        ((0.0, 0.02), (0.0, 0.3), 512, 0.0),
        ((0.0, 0.0), (0.2, 4.0), 512, 0.0),  # on the border: no error is left in the end
        ((0.0, 0.3), (0.0, 4.0), 512, 0.03),
    ],
)
def test_an_80_percent_interval_holds_the_true_slope_of_about_80_percent_of_the_curves(
    floors: tuple[float, float], slopes: tuple[float, float], n_measured: int, unsteady: float
) -> None:
    assert 0.70 <= coverage(floors, slopes, n_measured=n_measured, unsteady=unsteady) <= 0.90


def test_where_more_images_bring_nothing_the_interval_mostly_says_that_they_may_not() -> None:
    assert coverage((0.02, 0.5), (0.0, 0.0)) >= 0.80


def test_the_ends_are_those_where_the_likelihood_has_fallen_as_far_as_wilks_allows() -> None:
    curve = counted(0.1, 2.0, np.random.default_rng(2))
    sizes = sizes_of(512)
    asked = 512 - sizes
    wrong = np.asarray(curve.errors) * asked
    assert overdispersion(curve, asked.astype(float)) == 1.0

    def lost(floor: float, slope: float) -> float:
        return -float(stats.binom.logpmf(np.round(wrong), asked, floor + slope / np.sqrt(sizes)).sum())

    def profile(slope: float) -> float:
        return float(optimize.minimize_scalar(lost, bounds=(1e-9, 0.5), args=(slope,), method="bounded").fun)

    best = optimize.minimize_scalar(profile, bounds=(0.1, 6.0), method="bounded")
    allowed = float(best.fun) + stats.chi2.ppf(0.8, 1) / 2
    low = optimize.brentq(lambda slope: profile(slope) - allowed, 1e-6, best.x)
    high = optimize.brentq(lambda slope: profile(slope) - allowed, best.x, 6.0)
    assert slope_interval(curve, n_measured=512, confidence=0.8) == pytest.approx((low, high), abs=0.03)


def test_twice_as_sure_is_wider_and_more_images_are_narrower() -> None:
    few, many = (
        fit_curve(sizes_of(n).tolist(), (0.1 + 2 / np.sqrt(sizes_of(n))).tolist()) for n in (128, 2_048)
    )
    low, high = slope_interval(few, n_measured=128, confidence=0.8)
    wider = slope_interval(few, n_measured=128, confidence=0.95)
    narrower = slope_interval(many, n_measured=2_048, confidence=0.8)
    assert wider[0] <= low < high < wider[1]
    assert narrower[1] - narrower[0] < high - low
    assert narrower[0] < 2 < narrower[1]


def test_errors_that_scatter_more_than_counts_do_widen_the_interval() -> None:
    sizes = [64, 64, 128, 128]
    steady, unsteady = fit_curve(sizes, [0.30, 0.30, 0.25, 0.25]), fit_curve(sizes, [0.20, 0.40, 0.15, 0.35])
    asked = np.array([448.0, 448.0, 384.0, 384.0])
    assert overdispersion(steady, asked) == 1.0
    by_hand = sum(0.1**2 * n / (p * (1 - p)) for n, p in zip(asked, [0.3, 0.3, 0.25, 0.25], strict=True)) / 2
    assert overdispersion(unsteady, asked) == pytest.approx(by_hand, rel=0.01)
    widths = [high - low for low, high in (interval(steady), interval(unsteady))]
    assert widths[1] > 1.5 * widths[0]


def interval(curve: LearningCurve) -> tuple[float, float]:
    return slope_interval(curve, n_measured=512, confidence=0.8)


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_a_probe_that_is_always_right_or_always_wrong_has_an_interval_from_0(error: float) -> None:
    curve = fit_curve([64, 128, 256], [error] * 3)
    low, high = interval(curve)
    assert low == pytest.approx(0, abs=1e-9)
    assert math.isfinite(high)
    assert 0 < high < 1


@pytest.mark.parametrize(("sizes", "n_measured"), [([64, 64, 64], 512), ([64, 128, 256], 256)])
def test_errors_of_one_size_or_of_no_images_say_nothing(sizes: list[int], n_measured: int) -> None:
    curve = LearningCurve(0.1, 1.0, tuple(sizes), (0.2, 0.2, 0.2), 0.0)
    with pytest.raises(ValueError, match=r"no interval for errors of \[64.*\] out of"):
        slope_interval(curve, n_measured=n_measured, confidence=0.8)
