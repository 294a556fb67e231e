"""The choice weighs accuracy against time, and says when forecasts do not suffice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.advice.decide import decide, utility
from finetune.advice.forecast import Forecast


def of(accuracy: float, *, p_within_one: float = 1.0) -> Forecast:
    return Forecast(accuracy, accuracy - 0.05, accuracy + 0.05, 0.5, p_within_one)


SECONDS = {"freeze-all": 10.0, "partial": 80.0, "full-finetune": 320.0}


def test_a_doubling_of_time_costs_the_weight() -> None:
    assert utility(0.9, 80, 10, time_weight=0.2) == pytest.approx(90 - 0.6)
    assert utility(0.9, 80, 10, time_weight=0) == pytest.approx(90)


def test_more_time_must_be_worth_it() -> None:
    near = {"freeze-all": of(0.900), "partial": of(0.904), "full-finetune": of(0.908)}
    assert decide(near, SECONDS).strategy == "freeze-all"
    assert decide(near, SECONDS, time_weight=0).strategy == "full-finetune"
    far = near | {"partial": of(0.95)}
    found = decide(far, SECONDS)
    assert (found.strategy, found.runner_up) == ("partial", "freeze-all")
    assert found.lead == pytest.approx(95 - 0.6 - 90)


def test_it_says_when_the_forecasts_do_not_suffice() -> None:
    unsure = {"freeze-all": of(0.9, p_within_one=0.89), "partial": of(0.8, p_within_one=0.5)}
    assert not decide(unsure, SECONDS).is_sure
    sure = unsure | {"freeze-all": of(0.9, p_within_one=0.9)}
    assert decide(sure, SECONDS).is_sure


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 2))
def test_the_choice_has_the_highest_utility(first: float, second: float, weight: float) -> None:
    found = decide({"freeze-all": of(first), "partial": of(second)}, SECONDS, time_weight=weight)
    assert found.utilities[found.strategy] >= found.utilities[found.runner_up]
    assert found.lead >= 0
