"""What a training will take: worked out by hand, and never less for more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outlooks import PACE, TASK

from finetune.advice.costs import (
    MOST_FOR_CHOICE,
    Plan,
    StepPace,
    Task,
    frozen_cost,
    stepped_cost,
)

PLAN = Plan(epochs=10, batch_size=32, head_first=False, views=1)
FULL, PARTIAL = PACE.steps["full-finetune"], PACE.steps["partial"]

tasks = st.builds(
    Task, st.integers(2, 50_000), st.integers(1, 5_000), st.integers(0, 5_000), st.integers(2, 1_000)
)
seconds = st.floats(0, 1)


@st.composite
def steps(draw: st.DrawFn) -> StepPace:
    image_s, share = draw(seconds), draw(st.floats(0, 1))
    parameters = draw(st.integers(1, 10**8))
    return StepPace(
        image_s, share * image_s, draw(st.floats(0, 1e8)), draw(st.integers(0, parameters)), parameters
    )


def test_a_head_on_frozen_features_takes_a_pass_a_solution_and_a_judgement() -> None:
    found = frozen_cost(TASK, PACE, wide=False)
    features, solving, judging = 200 * 0.03, 0.3 + 1e-8 * 200 * 100 * 4, 40 * 0.03 + 0.5
    assert found.seconds == pytest.approx(features + solving + judging)
    assert found.peak_bytes == 10**8 + 3 * 4 * 100 * 200


def test_the_share_of_a_head_is_of_the_network_that_carries_it() -> None:
    # The 10,000 parameters of the paced network hold a linear head of (100 + 1) x 4 = 404.
    assert frozen_cost(TASK, PACE, wide=False).trainable_share == pytest.approx(404 / 10_000)
    assert frozen_cost(TASK, PACE, wide=True).trainable_share == pytest.approx(1_204 / (10_000 - 404 + 1_204))


def test_a_head_on_every_stage_is_wider_and_its_pass_the_same() -> None:
    narrow, wide = (frozen_cost(TASK, PACE, wide=is_wide) for is_wide in (False, True))
    assert wide.seconds - narrow.seconds == pytest.approx(1e-8 * 200 * 200 * 4)
    assert wide.peak_bytes - narrow.peak_bytes == 3 * 4 * 200 * 200


def test_the_strength_of_a_head_is_chosen_on_no_more_than_it_is_chosen_on() -> None:
    few, many = (replace(TASK, n_train=n) for n in (MOST_FOR_CHOICE, MOST_FOR_CHOICE + 1_000))
    more = frozen_cost(many, PACE, wide=False).seconds - frozen_cost(few, PACE, wide=False).seconds
    assert more == pytest.approx(1_000 * 0.03)


def test_full_fine_tuning_steps_through_every_image_in_every_epoch() -> None:
    found = stepped_cost(TASK, PACE, FULL, PLAN)
    views = 200 * (0.01 + 10 * 0.001)
    plain = 10 * 200 * 0.08 + 11 * 50 * 0.02
    assert found.seconds == pytest.approx(views + plain + 50 * 0.01 + 40 * 0.03 + 0.5)
    assert found.trainable_share == 1
    # Weights, their gradients and two numbers of AdamW each, and what a batch keeps for its backward pass.
    assert found.peak_bytes == pytest.approx(10**8 + 4 * 4 * 10_000 + 32 * 1e6)


def test_partial_keeps_what_crosses_the_freeze_line_where_that_is_faster() -> None:
    found = stepped_cost(TASK, PACE, PARTIAL, PLAN)
    kept = 200 * 0.015 + 50 * 0.015 + 10 * 200 * 0.025 + 11 * 50 * 0.005
    assert kept < 10 * 200 * 0.04 + 11 * 50 * 0.02
    assert found.seconds == pytest.approx(200 * 0.02 + kept + 50 * 0.01 + 40 * 0.03 + 0.5)
    assert found.trainable_share == 0.4
    assert found.peak_bytes == pytest.approx(10**8 + 4 * (3 * 4_000 + 10_000) + 32 * 4e5)


def test_a_head_that_is_fitted_first_costs_a_pass_and_its_solution() -> None:
    first = stepped_cost(TASK, PACE, FULL, replace(PLAN, head_first=True)).seconds
    assert first - stepped_cost(TASK, PACE, FULL, PLAN).seconds == pytest.approx(200 * 0.03 + 0.3 + 8e-4)


def test_early_stopping_leaves_its_share_of_the_epochs() -> None:
    half, rest = (
        stepped_cost(TASK, PACE, FULL, PLAN, epochs_share=0.45),
        stepped_cost(TASK, PACE, FULL, replace(PLAN, epochs=5)),
    )
    assert half == rest
    assert stepped_cost(TASK, PACE, FULL, PLAN, epochs_share=0.0001).seconds == pytest.approx(
        stepped_cost(TASK, PACE, FULL, replace(PLAN, epochs=1)).seconds
    )


def test_fewer_images_than_a_batch_keep_less_memory() -> None:
    few = stepped_cost(replace(TASK, n_train=5), PACE, FULL, PLAN)
    assert few.peak_bytes == pytest.approx(10**8 + 4 * 4 * 10_000 + 5 * 1e6)


def test_without_a_test_split_val_is_judged_on() -> None:
    without = frozen_cost(replace(TASK, n_test=0), PACE, wide=False).seconds
    assert without == pytest.approx(frozen_cost(replace(TASK, n_test=50), PACE, wide=False).seconds)


@given(tasks, st.integers(1, 10_000))
def test_more_images_never_take_less(task: Task, more: int) -> None:
    larger = replace(task, n_train=task.n_train + more)
    for cost in (
        lambda one: frozen_cost(one, PACE, wide=False),
        lambda one: frozen_cost(one, PACE, wide=True),
        lambda one: stepped_cost(one, PACE, FULL, PLAN),
        lambda one: stepped_cost(one, PACE, PARTIAL, PLAN),
    ):
        assert cost(larger).seconds >= cost(task).seconds
        assert cost(larger).peak_bytes >= cost(task).peak_bytes


@given(tasks, steps(), st.integers(1, 200), st.integers(1, 20), st.booleans())
def test_more_epochs_never_take_less(
    task: Task, step: StepPace, epochs: int, views: int, head_first: bool
) -> None:
    costs = [
        stepped_cost(task, PACE, step, Plan(count, 32, head_first, views)).seconds
        for count in (epochs, epochs + 1, 2 * epochs + 1)
    ]
    assert costs == sorted(costs)


@given(tasks, steps(), st.integers(1, 200), st.integers(1, 20))
def test_a_cache_is_never_slower_than_none(task: Task, step: StepPace, epochs: int, views: int) -> None:
    plan = Plan(epochs, 32, False, views)
    plain = stepped_cost(task, PACE, replace(step, frozen_s=0.0), plan)
    assert stepped_cost(task, PACE, step, plan).seconds <= plain.seconds + 1e-9
