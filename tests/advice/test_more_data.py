"""What more images bring: the gain with its interval, the images that a wish takes, and the sentences."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.advice.measures.learning_curve import LearningCurve, fit_curve
from finetune.advice.more_data import (
    MOST_IMAGES,
    MoreImages,
    images_for,
    images_for_accuracy,
    is_small,
    more_images,
)

SIZES = (64, 64, 64, 128, 128, 128, 256, 256, 256)


def curve_of(floor: float, slope: float) -> LearningCurve:
    return fit_curve(SIZES, [floor + slope / math.sqrt(n) for n in SIZES])


curves = st.builds(
    lambda floor, slope: LearningCurve(floor, slope, (64, 128), (0.2, 0.1), 0.0),
    st.floats(0, 0.5),
    st.floats(0.05, 5),
)


def test_the_gain_of_a_doubling_is_the_data_hunger() -> None:
    curve = curve_of(0.1, 2.0)
    more = more_images(curve, n_now=512, n_measured=512)
    assert more.n_then == 1_024
    assert more.gain == curve.gain_of_doubling(512)
    assert more.gain == pytest.approx(2 / math.sqrt(512) - 2 / math.sqrt(1_024))
    assert more.interval[0] < more.gain < more.interval[1]


def test_an_80_percent_interval_holds_the_true_gain_of_70_to_90_percent_of_curves() -> None:
    random = np.random.default_rng(1)
    sizes = np.array(SIZES)
    held = 0
    for _ in range(400):
        floor, slope, n_now = random.uniform(0, 0.3), random.uniform(0, 4), int(random.integers(512, 4_000))
        errors = random.binomial(512 - sizes, floor + slope / np.sqrt(sizes)) / (512 - sizes)
        more = more_images(fit_curve(SIZES, errors.tolist()), n_now=n_now, n_measured=512)
        truth = slope / math.sqrt(n_now) - slope / math.sqrt(2 * n_now)
        held += more.interval[0] <= truth <= more.interval[1]
    assert 280 <= held <= 360


@given(curves, st.integers(512, 10_000), st.integers(0, 100_000))
def test_more_images_never_cost_accuracy_and_the_interval_holds_the_gain(
    curve: LearningCurve, n_now: int, added: int
) -> None:
    more = more_images(curve, n_now=n_now, n_measured=512, n_then=n_now + added)
    assert 0 <= more.interval[0] <= more.gain <= more.interval[1] <= 1
    if added == 0:
        assert more.gain == more.interval[1] == 0


@given(curves, st.integers(512, 5_000), st.integers(1, 5_000), st.integers(1, 5_000))
def test_more_images_gain_more(curve: LearningCurve, n_now: int, fewer: int, further: int) -> None:
    some, all_of_them = (
        more_images(curve, n_now=n_now, n_measured=512, n_then=n_now + added)
        for added in (fewer, fewer + further)
    )
    assert some.gain <= all_of_them.gain


def test_images_that_nothing_is_learnt_from_may_bring_nothing_at_all() -> None:
    more = more_images(curve_of(0.5, 0.0), n_now=512, n_measured=512)
    assert more.gain == pytest.approx(0, abs=1e-9)
    assert more.interval[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("n_now", "n_then"), [(512, 511), (500, 1_000)])
def test_a_set_cannot_shrink_nor_be_smaller_than_what_was_measured(n_now: int, n_then: int) -> None:
    with pytest.raises(ValueError, match=f"512 images measured of {n_now} cannot grow to {n_then}"):
        more_images(curve_of(0.1, 1.0), n_now=n_now, n_measured=512, n_then=n_then)


def test_a_set_is_small_where_doubling_it_brings_more_than_a_point() -> None:
    # h = slope (1 - sqrt(1/2)) / sqrt(n) = 0.01 at n = 858 for a slope of 1
    curve = LearningCurve(0.1, 1.0, (64, 128), (0.2, 0.1), 0.0)
    assert is_small(curve, 857)
    assert not is_small(curve, 858)
    assert not is_small(LearningCurve(0.4, 0.0, (64, 128), (0.4, 0.4), 0.0), 10)


def test_the_images_for_an_accuracy_are_worked_out_by_hand() -> None:
    curve = LearningCurve(0.1, 2.0, (64, 128), (0.2, 0.1), 0.0)
    assert images_for_accuracy(curve, 0.75) == pytest.approx(178, abs=1)  # (2 / 0.15)^2
    assert images_for_accuracy(curve, 0.9) is None  # the floor itself is never reached
    assert images_for_accuracy(curve, 0.95) is None
    assert images_for_accuracy(curve, 0.0) == 1
    assert images_for_accuracy(curve, 0.9 - 1e-9) is None  # more than a billion
    assert images_for(curve, 0.0, n_now=300) == 300


def test_a_curve_without_a_slope_has_reached_what_it_can() -> None:
    flat = LearningCurve(0.25, 0.0, (64, 128), (0.25, 0.25), 0.0)
    assert images_for_accuracy(flat, 0.75) == 1
    assert images_for_accuracy(flat, 0.76) is None
    assert images_for(flat, 0.01, n_now=300) is None


@given(curves, st.floats(0, 1))
def test_the_images_for_an_accuracy_are_the_fewest_that_reach_it(curve: LearningCurve, target: float) -> None:
    needed = images_for_accuracy(curve, target)
    if needed is None:
        assert 1 - curve.error(MOST_IMAGES) < target + 1e-9
        return
    assert 1 - curve.error(needed) >= target - 1e-9
    if needed > 1:
        assert 1 - curve.error(needed - 1) < target + 1e-9


@given(curves, st.integers(100, 5_000), st.floats(0, 0.5))
def test_the_images_for_a_gain_bring_that_gain(curve: LearningCurve, n_now: int, gain: float) -> None:
    needed = images_for(curve, gain, n_now=n_now)
    if needed is None:
        assert curve.error(n_now) - curve.floor < gain + 1e-3
        return
    assert needed >= n_now
    assert curve.error(n_now) - curve.error(needed) >= gain - 1e-9


def test_the_sentences_carry_the_numbers() -> None:
    doubled = MoreImages(300, 600, 0.0312, (0.0101, 0.0523))
    grown = MoreImages(300, 1_200, 0.00001, (0.0, 0.0149))
    assert doubled.sentence() == "doubling to 600 images: +3.1 points, 80 % interval 1.0–5.2"
    assert doubled.sentence("zh") == "图像增加一倍到 600 张：+3.1 个百分点，80% 区间 1.0–5.2"
    assert grown.sentence("en") == "growing to 1,200 images: +0.0 points, 80 % interval 0.0–1.5"
    assert grown.sentence("zh") == "图像增加到 1,200 张：+0.0 个百分点，80% 区间 0.0–1.5"
    assert doubled.to_json() == {"n_now": 300, "n_then": 600, "gain": 0.0312, "interval": [0.0101, 0.0523]}
