"""Forecasts follow what trainings have taught, say how sure they are, and learn from more of them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outlooks import MEASURES, SIZES

from finetune.advice.evidence import READINGS, logit, probe_logit, read, share_of
from finetune.advice.forecast import ForecastTable, forecast
from finetune.advice.regression import Belief
from finetune.advice.similarity import TransferGain

NAMES = ("freeze-all", "partial", "full-finetune")


def table(*, lifts: tuple[float, ...] = (0.0, 0.3, 0.5), noise: float = 0.04) -> ForecastTable:
    """A table in which only the constant counts: each strategy lies so much above the probe."""
    deviations = np.array([0.1, 0.05])
    return ForecastTable(
        version=0,
        origin="made up",
        readings=("transfer_gain",),
        centre=np.array([0.5]),
        scale=np.array([0.25]),
        beliefs={
            name: Belief.independent(np.array([lift, 0.0]), deviations, noise=noise)
            for name, lift in zip(NAMES, lifts, strict=True)
        },
        correlation=np.eye(3),
        widening=dict.fromkeys(NAMES, 1.0),
    )


def test_the_expected_accuracy_is_the_probe_moved_by_what_was_learnt() -> None:
    found = forecast(table(), SIZES, MEASURES)
    start = math.log((0.7 * 400 + 0.5) / (0.3 * 400 + 0.5))
    for name, lift in zip(NAMES, (0.0, 0.3, 0.5), strict=True):
        assert found[name].accuracy == pytest.approx(1 / (1 + math.exp(-start - lift)))
        spread = math.sqrt(0.1**2 + (0.05 * 0.4) ** 2 + 0.04)
        assert found[name].high == pytest.approx(
            1 / (1 + math.exp(-start - lift - 1.28155 * spread)), rel=1e-5
        )


def test_chances_of_the_best_sum_to_one_and_ties_share_them() -> None:
    found = forecast(table(lifts=(0.2, 0.2, 0.2)), SIZES, MEASURES)
    assert sum(one.p_best for one in found.values()) == pytest.approx(1)
    assert all(one.p_best == pytest.approx(1 / 3, abs=0.02) for one in found.values())
    far = forecast(table(lifts=(0.0, 0.0, 6.0)), SIZES, MEASURES)
    assert far["full-finetune"].p_best > 0.999
    assert far["freeze-all"].p_within_one < 0.01


def test_noise_that_goes_together_makes_the_choice_surer() -> None:
    apart = table()
    together = replace(apart, correlation=np.full((3, 3), 0.95) + 0.05 * np.eye(3))
    p_apart, p_together = (
        forecast(one, SIZES, MEASURES)["full-finetune"].p_best for one in (apart, together)
    )
    assert p_together > p_apart + 0.05


def test_widening_widens_the_interval_and_leaves_its_middle() -> None:
    wide = replace(table(), widening=dict.fromkeys(NAMES, 2.0))
    before, after = (forecast(one, SIZES, MEASURES)["partial"] for one in (table(), wide))
    assert after.accuracy == before.accuracy
    assert logit(after.high, n=10**9) - logit(after.low, n=10**9) == pytest.approx(
        2 * (logit(before.high, n=10**9) - logit(before.low, n=10**9)), rel=1e-3
    )


@given(st.floats(0.05, 0.95), st.floats(-1, 1), st.floats(-1, 1))
def test_a_forecast_is_a_probability_within_its_interval(probe: float, gain: float, lift: float) -> None:
    measures = replace(MEASURES, last_layer=probe, gain=TransferGain(gain, 0.8, 0.5, 400))
    for one in forecast(table(lifts=(0.0, lift, 0.5)), SIZES, measures).values():
        assert 0 < one.low < one.accuracy < one.high < 1
        assert 0 <= one.p_best <= one.p_within_one <= 1


def test_a_finished_run_moves_its_strategy_alone_towards_what_it_reached() -> None:
    before = table()
    after = before.learn("partial", SIZES, MEASURES, 0.95, n=1000)
    was, now = (forecast(one, SIZES, MEASURES) for one in (before, after))
    assert was["partial"].accuracy < now["partial"].accuracy < 0.95
    assert now["partial"].high - now["partial"].low < was["partial"].high - was["partial"].low
    assert now["freeze-all"].accuracy == was["freeze-all"].accuracy


def test_only_the_strategies_that_are_asked_for_compete() -> None:
    found = forecast(table(), SIZES, MEASURES, strategies=["freeze-all", "partial"])
    assert list(found) == ["freeze-all", "partial"]
    assert sum(one.p_best for one in found.values()) == pytest.approx(1)


def test_what_was_not_measured_counts_as_usual() -> None:
    bare = replace(MEASURES, shift=None, certainty=None, curve=None, stages=(("only", 0.7),))
    values = dict(zip(READINGS, read(SIZES, bare), strict=True))
    missing = {name for name, value in values.items() if math.isnan(value)}
    assert missing == {"shift_early", "shift_late", "entropy", "hunger", "peak_stage"}
    shifted = replace(table(), readings=("entropy",), centre=np.array([0.5]), scale=np.array([0.1])).features(
        SIZES, bare
    )
    assert shifted.tolist() == [[1.0, 0.0]]


def test_readings_are_what_they_are_named() -> None:
    values = dict(zip(READINGS, read(SIZES, MEASURES), strict=True))
    assert values["log_images"] == pytest.approx(math.log10(800))
    assert values["log_classes"] == pytest.approx(math.log10(4))
    assert values["probe"] == probe_logit(MEASURES)
    assert values["stages_over_probe"] == pytest.approx(math.log(320.5 / 80.5) - math.log(280.5 / 120.5))
    assert values["neighbours_over_probe"] == pytest.approx(math.log(260.5 / 140.5) - math.log(280.5 / 120.5))
    assert values["peak_stage"] == 0.5
    assert values["shift_early"] == pytest.approx(math.log(1.3))
    assert MEASURES.curve is not None
    assert values["hunger"] == MEASURES.curve.gain_of_doubling(800)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_logit_is_finite_and_symmetric(n: int, share: float) -> None:
    assert math.isfinite(logit(share, n=n))
    assert logit(share, n=n) == pytest.approx(-logit(1 - share, n=n), abs=1e-6)
    assert share_of(logit(share, n=n)) == pytest.approx((share * n + 0.5) / (n + 1))


def test_the_table_comes_back_from_json() -> None:
    again = ForecastTable.from_json(json.loads(json.dumps(table().to_json())))
    assert forecast(again, SIZES, MEASURES) == forecast(table(), SIZES, MEASURES)
