"""What a race has seen corrects what was expected: worked out by hand."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outlooks import MEASURES, NAMES, SIZES, table_of

from finetune.advice.forecast import Expectation, Remaining, expect
from finetune.advice.race import (
    Rung,
    after_rungs,
    counting_variance,
    epochs_to_run,
    remaining_at,
    runners,
)

ROWS = (Remaining(0.0, 0.8, 0.5), Remaining(0.5, 0.2, 0.3), Remaining(1.0, 0.0, 0.1))
REMAINING = {
    "freeze-all": (Remaining(0.0, 0.05, 0.1),),
    "partial": ROWS,
    "full-finetune": ROWS,
    "from-scratch": ROWS,
}


def expected() -> Expectation:
    return expect(table_of(noise=0.16), SIZES, MEASURES)


def of(found: Expectation, name: str) -> tuple[float, float]:
    place = found.names.index(name)
    return float(found.middles[place]), float(found.spreads[place])


def test_two_normal_distributions_are_multiplied() -> None:
    rung = Rung("from-scratch", 5, 10, (0.3, 0.5, 0.6, 0.55), 100)
    middle, spread = of(expected(), "from-scratch")
    found = of(after_rungs(expected(), [rung], REMAINING), "from-scratch")
    # The best of 100 images so far is 0.6, and at half of the epochs 0.2 logits remain, with deviation 0.3.
    seen = math.log(60.5 / 40.5) + 0.2
    p = 60.5 / 101
    variance = 0.3**2 + 1 / (100 * p * (1 - p))
    precision = 1 / spread**2 + 1 / variance
    assert found[0] == pytest.approx((middle / spread**2 + seen / variance) / precision)
    assert found[1] == pytest.approx(math.sqrt(1 / precision))


def test_the_accuracy_before_training_is_that_of_the_frozen_head() -> None:
    rung = Rung("partial", 5, 10, (0.75, 0.7), 100)
    middle, spread = of(expected(), "freeze-all")
    found = of(after_rungs(expected(), [rung], REMAINING), "freeze-all")
    p = 75.5 / 101
    seen, variance = math.log(75.5 / 25.5) + 0.05, 0.1**2 + 1 / (100 * p * (1 - p))
    assert found[0] == pytest.approx((middle * variance + seen * spread**2) / (variance + spread**2))
    assert found[1] < spread


def test_a_head_that_was_not_fitted_first_says_nothing_of_freezing() -> None:
    fresh = Rung("partial", 5, 10, (0.25, 0.7), 100, head_is_fitted=False)
    found = after_rungs(expected(), [fresh], REMAINING)
    assert of(found, "freeze-all") == of(expected(), "freeze-all")
    assert of(found, "partial") != of(expected(), "partial")
    scratch = Rung("from-scratch", 5, 10, (0.25, 0.7), 100)
    assert of(after_rungs(expected(), [scratch], REMAINING), "freeze-all") == of(expected(), "freeze-all")


def test_two_runs_that_begin_with_the_same_head_count_it_once() -> None:
    one = Rung("partial", 5, 10, (0.75, 0.7), 100)
    other = Rung("full-finetune", 5, 10, (0.75, 0.8), 100)
    once, twice = (after_rungs(expected(), rungs, REMAINING) for rungs in ([one], [one, other]))
    assert of(once, "freeze-all") == of(twice, "freeze-all")


def test_the_order_of_the_runners_changes_nothing() -> None:
    rungs = [
        Rung("partial", 5, 10, (0.75, 0.7), 100),
        Rung("full-finetune", 2, 10, (0.75, 0.8), 100),
        Rung("from-scratch", 1, 30, (0.25, 0.4), 100),
    ]
    found = [after_rungs(expected(), order, REMAINING) for order in permutations(rungs)]
    for other in found[1:]:
        np.testing.assert_allclose(other.middles, found[0].middles)
        np.testing.assert_allclose(other.spreads, found[0].spreads)


def test_what_nothing_was_learnt_of_stays_as_it_was() -> None:
    rung = Rung("partial", 5, 10, (0.75, 0.7), 100)
    found = after_rungs(expected(), [rung], {})
    assert np.array_equal(found.middles, expected().middles)
    unknown = Rung("somebody-else", 5, 10, (0.75, 0.7), 100)
    assert np.array_equal(after_rungs(expected(), [unknown], REMAINING).middles, expected().middles)


def test_other_contenders_are_not_moved() -> None:
    rung = Rung("from-scratch", 5, 10, (0.1, 0.9), 500)
    found = after_rungs(expected(), [rung], REMAINING)
    for name in set(NAMES) - {"from-scratch"}:
        assert of(found, name) == of(expected(), name)


@given(st.floats(0, 1), st.integers(1, 2_000), st.floats(0, 1))
def test_a_rung_makes_surer_and_draws_towards_what_was_seen(
    accuracy: float, n_val: int, share: float
) -> None:
    rung = Rung("from-scratch", round(100 * share), 100, (accuracy,), n_val)
    (middle, spread), (after, narrower) = (
        of(one, "from-scratch") for one in (expected(), after_rungs(expected(), [rung], REMAINING))
    )
    assert narrower < spread
    right = accuracy * n_val
    seen = math.log((right + 0.5) / (n_val - right + 0.5)) + remaining_at(ROWS, round(100 * share) / 100).mean
    assert min(middle, seen) - 1e-9 <= after <= max(middle, seen) + 1e-9


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_the_counting_variance_is_finite_and_falls_with_the_images(accuracy: float, n: int) -> None:
    assert 0 < counting_variance(accuracy, 10 * n) < counting_variance(accuracy, n) < math.inf


def test_the_counting_variance_is_that_of_a_logit() -> None:
    assert counting_variance(0.5, 400) == pytest.approx(1 / (400 * 0.25))


@pytest.mark.parametrize(
    ("share", "mean", "deviation"),
    [(0.0, 0.8, 0.5), (0.25, 0.5, 0.4), (0.5, 0.2, 0.3), (0.75, 0.1, 0.2), (1.0, 0.0, 0.1), (1.4, 0.0, 0.1)],
)
def test_what_remains_lies_on_lines_between_the_rows(share: float, mean: float, deviation: float) -> None:
    assert remaining_at(ROWS, share) == (share, pytest.approx(mean), pytest.approx(deviation))


def test_who_may_be_within_a_point_of_the_best_runs() -> None:
    chances = {"freeze-all": 0.9, "partial": 0.05, "full-finetune": 0.3, "from-scratch": 0.0499}
    assert runners(chances, frozen=("freeze-all", "multi-stage")) == ["partial", "full-finetune"]


def test_the_likeliest_runs_even_where_none_is_likely() -> None:
    chances = {"freeze-all": 1.0, "partial": 0.01, "full-finetune": 0.02}
    assert runners(chances, frozen=("freeze-all",)) == ["full-finetune"]


def test_each_runs_the_share_of_its_epochs_that_the_budget_is_of_all() -> None:
    assert epochs_to_run(20, total_seconds=600, budget_s=60) == 2
    assert epochs_to_run(19, total_seconds=600, budget_s=60) == 1
    assert epochs_to_run(60, total_seconds=600, budget_s=60) == 6


@given(st.integers(1, 500), st.floats(1, 1e6), st.floats(0, 1e7))
def test_at_least_one_epoch_runs_and_at_most_all(epochs: int, total: float, budget: float) -> None:
    ran = epochs_to_run(epochs, total_seconds=total, budget_s=budget)
    assert 1 <= ran <= epochs
    assert ran <= epochs_to_run(epochs, total_seconds=total, budget_s=2 * budget)
    if budget >= total:
        assert ran == epochs
