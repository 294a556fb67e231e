"""Each schedule is its formula, per step; it rises to one over the warm-up and never again after."""

import math
import warnings
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finetune.recipe import Recipe
from finetune.recipe.names import Schedule
from finetune.training.schedules import (
    Curve,
    cosine,
    curve_of,
    inverse_sqrt,
    linear,
    milestone_decay,
    step_decay,
)

SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
EXACT = 1e-12


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    total = draw(st.integers(1, 3_000))
    warmup = draw(st.integers(0, total))
    # A drop within the warm-up is refused by the recipe.
    every = draw(st.integers(max(1, warmup), 4_000))
    milestones = draw(st.sets(st.integers(max(1, warmup), 4_000), max_size=4))
    gamma = draw(st.floats(0.01, 0.99))
    return Curve(draw(st.sampled_from(SCHEDULES)), total, warmup, every, tuple(sorted(milestones)), gamma)


def of(schedule: Schedule, *, total: int = 1_000, warmup: int = 0) -> Curve:
    return Curve(schedule, total, warmup, every=total // 4, gamma=0.5)


@given(curves(), st.integers(0, 10_000))
def test_the_factor_lies_in_zero_to_one_and_the_first_step_moves(curve: Curve, step: int) -> None:
    assert 0 <= curve(step) <= 1
    assert curve(0) > 0


@given(curves())
def test_the_factor_rises_to_one_over_the_warm_up_and_never_after(curve: Curve) -> None:
    factors = [curve(step) for step in range(curve.total_steps + 2)]
    peak = max(0, curve.warmup_steps - 1)
    assert factors[peak] == 1
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)


@given(
    st.sampled_from([name for name in SCHEDULES if name not in ("step", "one-cycle")]), st.integers(1, 500)
)
def test_nothing_jumps_where_the_warm_up_ends(schedule: Schedule, warmup: int) -> None:
    curve = of(schedule, warmup=warmup)
    assert curve(warmup - 1) == curve(warmup) == 1
    assert curve(warmup + 1) > 0.7 or warmup == 1
    assert [curve(step) for step in range(warmup)] == [(step + 1) / warmup for step in range(warmup)]


@given(st.integers(0, 5_000), st.integers(1, 2_000), st.floats(0.01, 0.99))
def test_step_is_its_formula(t: int, every: int, gamma: float) -> None:
    assert step_decay(t, every=every, gamma=gamma) == pytest.approx(gamma ** math.floor(t / every), rel=EXACT)


def test_milestones_drop_at_each_of_them_and_not_a_step_before() -> None:
    steps = (0, 29, 30, 59, 60, 89, 90, 500)
    found = [milestone_decay(t, (30, 60, 90), gamma=0.1) for t in steps]
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001], rel=EXACT)


@given(st.integers(1, 5_000), st.data())
def test_cosine_and_linear_are_their_formulas_and_end_at_zero(total: int, data: st.DataObject) -> None:
    t = data.draw(st.integers(0, total))
    assert cosine(t, total) == pytest.approx(0.5 * (1 + math.cos(t * math.pi / total)), abs=EXACT)
    assert linear(t, total) == pytest.approx(1 - t / total, abs=EXACT)
    assert (
        cosine(total, total)
        == linear(total, total)
        == cosine(total + 9, total)
        == linear(total + 9, total)
        == 0
    )


@given(st.integers(1, 1_000), st.integers(0, 10_000))
def test_inverse_sqrt_is_the_textbook_formula_up_to_its_constant_beyond_the_warm_up(
    warmup: int, t: int
) -> None:
    textbook = 1 / math.sqrt(t + 1e-8)
    assert math.isfinite(inverse_sqrt(0, warmup))
    if t >= warmup:
        assert inverse_sqrt(t, warmup) == pytest.approx(math.sqrt(warmup) * textbook, rel=1e-6)
        assert inverse_sqrt(t, warmup) == pytest.approx(math.sqrt(warmup / t), rel=EXACT)


@pytest.mark.parametrize(("total", "rise"), [(100, 30), (40, 20), (10, 3), (250, 2)])
def test_one_cycle_is_that_of_torch(total: int, rise: int) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the schedule is stepped without the optimizer
        theirs = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=1.0, total_steps=total, pct_start=rise / total, cycle_momentum=False
        )
        rates = [theirs.get_last_lr()[0]]
        for _ in range(total - 1):
            theirs.step()
            rates.append(theirs.get_last_lr()[0])
    curve = Curve("one-cycle", total, rise)
    assert [curve(step) for step in range(total)] == pytest.approx(rates, abs=EXACT)
    assert curve(total) == curve(total - 1)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps_per_epoch", [1, 7, 100])
def test_a_curve_is_the_same_over_epochs_however_many_steps_they_have(
    schedule: Schedule, steps_per_epoch: int
) -> None:
    """At the ends of epochs, that is: between them it moves by the step. One cycle ends a step earlier."""
    recipe = Recipe.make(schedule=schedule, epochs=20, warmup_epochs=4)
    fine = curve_of(recipe, steps_per_epoch=1_000)
    curve = curve_of(recipe, steps_per_epoch=steps_per_epoch)
    a_step = 0.1 / steps_per_epoch if schedule == "one-cycle" else EXACT
    for epoch in range(4, 20):
        assert curve(epoch * steps_per_epoch) == pytest.approx(fine(epoch * 1_000), abs=a_step)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "inverse-sqrt", "one-cycle"])
def test_the_rate_changes_within_an_epoch(schedule: Schedule) -> None:
    curve = curve_of(Recipe.make(schedule=schedule, epochs=4, warmup_epochs=1), steps_per_epoch=10)
    within = [curve(step) for step in range(20, 30)]
    assert len(set(within)) == 10


@pytest.mark.parametrize(
    ("fields", "curve"),
    [
        ({}, Curve("cosine", 300, 30, every=100)),
        ({"warmup_epochs": 0}, Curve("cosine", 300, 0, every=100)),
        ({"warmup_epochs": 0.001}, Curve("cosine", 300, 1, every=100)),
        ({"schedule": "one-cycle"}, Curve("one-cycle", 300, 90, every=100)),
        ({"schedule": "step"}, Curve("step", 300, 30, every=100)),
        ({"schedule": "step", "step_epochs": 1, "gamma": 0.5}, Curve("step", 300, 10, every=10, gamma=0.5)),
        ({"schedule": "step", "milestones": (2, 20)}, Curve("step", 300, 20, 100, (20, 200))),
    ],
)
def test_a_recipe_gives_its_curve_in_steps(fields: dict[str, object], curve: Curve) -> None:
    assert curve_of(Recipe.make(epochs=30, **fields), steps_per_epoch=10) == curve


@pytest.mark.parametrize(
    ("step", "factor"),
    [
        (0, 0.1),
        (4, 0.5),
        (9, 1.0),
        (10, 1.0),
        (55, 0.5),
        (32, 0.5 * (1 + math.cos(math.pi * 22 / 90))),
        (100, 0.0),
        (1000, 0.0),
    ],
)
def test_the_rate_rises_over_a_tenth_and_falls_along_a_cosine(step: int, factor: float) -> None:
    assert Curve("cosine", 100, 10)(step) == pytest.approx(factor, abs=1e-9)


@given(st.integers(1, 200), st.integers(1, 50))
def test_the_default_is_a_cosine_after_a_tenth_of_warm_up(epochs: int, steps_per_epoch: int) -> None:
    curve = curve_of(Recipe.make(epochs=epochs), steps_per_epoch=steps_per_epoch)
    total = epochs * steps_per_epoch
    assert curve == Curve("cosine", total, max(1, round(0.1 * total)), every=curve.every)


@given(st.integers(1, 10_000), st.integers(1, 500))
def test_a_warm_up_never_outlasts_training(epochs: int, steps_per_epoch: int) -> None:
    curve = curve_of(Recipe.make(epochs=epochs, warmup_epochs=epochs), steps_per_epoch=steps_per_epoch)
    assert curve.warmup_steps == curve.total_steps
    assert curve(curve.total_steps - 1) == 1
