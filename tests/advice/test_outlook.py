"""The outlook weighs accuracy against time, forbids what cannot serve, and says what would change it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outlooks import MEASURES, NAMES, SIZES, best_is, costs_of, measures_of, outlook_of, table_of

from finetune.advice.contenders import CONTENDERS
from finetune.advice.evidence import Sizes
from finetune.advice.forecast import Remaining, forecast
from finetune.advice.outlook import Change, features_are_useless
from finetune.advice.race import Rung

weights = st.floats(0, 3)
lifts = st.fixed_dictionaries({name: st.floats(-1, 1) for name in NAMES})


@pytest.mark.parametrize("name", NAMES)
def test_each_contender_can_be_the_choice(name: str) -> None:
    found = outlook_of(best_is(name))
    assert found.decision.strategy == name
    assert found.decision.is_sure
    assert CONTENDERS[found.runner_up].strategy != CONTENDERS[name].strategy


@settings(max_examples=25)
@given(lifts, weights)
def test_the_choice_has_the_highest_utility_and_the_runner_up_the_next_of_another_strategy(
    lifted: dict[str, float], weight: float
) -> None:
    found = outlook_of(table_of(lifted), time_weight=weight)
    ranked = sorted(found.decision.utilities, key=lambda name: -found.decision.utilities[name])
    assert found.decision.strategy == ranked[0]
    others = [name for name in ranked if CONTENDERS[name].strategy != CONTENDERS[ranked[0]].strategy]
    assert found.runner_up == others[0]
    assert found.lead == pytest.approx(
        found.decision.utilities[ranked[0]] - found.decision.utilities[others[0]]
    )
    assert found.lead >= 0


def test_the_other_head_of_the_choice_is_no_runner_up() -> None:
    close = {"freeze-all": 2.0, "multi-stage": 2.1, "partial": 0.5, "full-finetune": 0.4}
    found = outlook_of(table_of(close))
    assert {found.decision.strategy, found.runner_up} == {"multi-stage", "partial"}
    assert outlook_of(table_of({**close, "multi-stage": 1.9})).runner_up == "partial"


def test_the_utility_is_in_points_and_a_doubling_of_the_time_costs_the_weight() -> None:
    found = outlook_of(time_weight=0.5)
    for name, seconds in (("freeze-all", 1), ("full-finetune", 32), ("from-scratch", 96)):
        lost = {1: 0.0, 32: 2.5, 96: 0.5 * 6.584963}[seconds]
        assert found.decision.utilities[name] == pytest.approx(
            100 * found.forecasts[name].accuracy - lost, abs=1e-4
        )


def test_where_time_counts_for_nothing_the_most_accurate_is_chosen() -> None:
    assert outlook_of(time_weight=0).decision.strategy == "full-finetune"
    dear = outlook_of(time_weight=20)
    assert dear.decision.strategy in ("freeze-all", "multi-stage")
    assert dear.changes[-1] == Change("full-finetune", None)


@pytest.mark.parametrize(
    ("gain", "pretrained", "useless"),
    [(0.1499, 0.5, True), (0.15, 0.5, False), (-0.2, 0.5, True), (0.1, 0.9, False), (0.1, 0.8999, True)],
)
def test_features_are_useless_where_random_ones_do_as_well_and_neither_serves(
    gain: float, pretrained: float, useless: bool
) -> None:
    assert features_are_useless(measures_of(gain=gain, pretrained=pretrained)) == useless


@pytest.mark.parametrize("best", ["freeze-all", "multi-stage"])
def test_useless_features_forbid_to_freeze_all(best: str) -> None:
    found = outlook_of(best_is(best), measures_of(gain=0.05, pretrained=0.5))
    assert CONTENDERS[found.decision.strategy].strategy != "freeze-all"
    assert set(found.forecasts) == set(NAMES), "what is forbidden is still forecast"
    assert CONTENDERS[found.runner_up].strategy != CONTENDERS[found.decision.strategy].strategy


@settings(max_examples=25)
@given(st.floats(1, 2_000), lifts)
def test_what_takes_longer_than_the_budget_is_not_advised(budget_s: float, lifted: dict[str, float]) -> None:
    found = outlook_of(table_of(lifted), budget_s=budget_s)
    fitting = [name for name, cost in found.costs.items() if cost.seconds <= budget_s]
    assert found.decision.strategy in (fitting or ["freeze-all"])


def test_too_small_a_budget_leaves_the_fastest_that_serves() -> None:
    useless = measures_of(gain=0.05, pretrained=0.5)
    assert outlook_of(best_is("from-scratch"), useless, budget_s=1).decision.strategy == "partial"


def test_a_runner_up_is_one_that_can_be_had_where_there_is_one() -> None:
    found = outlook_of(budget_s=100)
    assert found.allowed == ("freeze-all", "multi-stage", "partial")
    assert {found.decision.strategy, found.runner_up} == {"multi-stage", "partial"}
    assert found.lead >= 0
    alone = outlook_of(best_is("full-finetune"), budget_s=15)
    assert alone.runner_up == "full-finetune"
    assert alone.lead < 0


def test_a_choice_that_is_forced_is_sure() -> None:
    assert outlook_of(best_is("full-finetune"), budget_s=1).decision.is_sure
    assert not outlook_of(table_of(noise=0.5), budget_s=100).decision.is_sure


def test_more_images_that_change_the_choice_are_told_the_fewest_first() -> None:
    # With each tenfold the images full fine-tuning gains half a logit.
    grows = table_of(
        {"multi-stage": 0.6, "full-finetune": 0.5}, by_reading={"log_images": {"full-finetune": 0.5}}
    )
    found = outlook_of(grows)
    assert found.decision.strategy == "multi-stage"
    (times,) = [change.times for change in found.changes if change.times is not None]
    assert times is not None
    for less in [factor for factor in (1, 2, 4, 10, 40) if factor < times]:
        assert outlook_of(grows, sizes=Sizes(less * 800, 4)).decision.strategy == "multi-stage"
    assert outlook_of(grows, sizes=Sizes(times * 800, 4)).decision.strategy == "full-finetune"


def test_where_nothing_would_change_the_choice_nothing_is_told() -> None:
    assert outlook_of(best_is("full-finetune")).changes == ()


def test_a_budget_holds_for_what_would_change_the_choice_too() -> None:
    found = outlook_of(best_is("from-scratch"), budget_s=100)
    assert found.decision.strategy in ("freeze-all", "multi-stage", "partial")
    assert all(change.contender != "from-scratch" for change in found.changes)


def test_only_what_has_a_cost_competes() -> None:
    costs = costs_of()
    del costs["multi-stage"]
    found = outlook_of(best_is("multi-stage"), costs=costs)
    assert set(found.forecasts) == set(costs)
    assert sum(one.p_best for one in found.forecasts.values()) == pytest.approx(1)


def test_a_race_corrects_the_choice_and_speaks_of_no_other_numbers_of_images() -> None:
    table = table_of(
        {"partial": 1.0, "full-finetune": 0.9},
        noise=0.25,
        remaining={
            name: (Remaining(0.0, 0.2, 0.1), Remaining(1.0, 0.0, 0.1))
            for name in ("partial", "full-finetune")
        },
    )
    before = outlook_of(table, time_weight=0)
    rungs = (
        Rung("partial", 10, 10, (0.7, 0.72), 400),
        Rung("full-finetune", 10, 10, (0.7, 0.95), 400),
    )
    after = outlook_of(table, time_weight=0, rungs=rungs)
    assert (before.decision.strategy, after.decision.strategy) == ("partial", "full-finetune")
    assert all(change.times is None for change in after.changes)
    assert after.rungs == rungs


def test_the_json_has_every_number_and_is_json() -> None:
    found = outlook_of(n_own=7)
    values = json.loads(json.dumps(found.to_json()))
    assert list(values["forecast"]) == list(NAMES)
    for name, row in values["forecast"].items():
        assert row["strategy"] == CONTENDERS[name].strategy
        assert row["interval"][0] < row["accuracy"] < row["interval"][1]
        assert 0 <= row["p_best"] <= row["p_within_one"] <= 1
        assert {"seconds", "peak_bytes", "trainable_share", "utility"} <= set(row)
    assert values["decision"]["contender"] == found.decision.strategy
    assert values["decision"]["n_trainings"] == 1_234
    assert values["decision"]["n_own"] == 7
    assert values["measures"]["last_layer"] == 0.7
    assert values["race"] == []


def test_the_forecasts_are_those_of_the_table() -> None:
    assert outlook_of().forecasts == forecast(table_of(), SIZES, MEASURES)
