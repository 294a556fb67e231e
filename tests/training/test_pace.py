"""The pace of this machine: what is timed belongs to the recipe that will run, and what is counted is so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawing import draw_set
from small_sets import prepared_of, weights_file
from torch import nn

from finetune.advice.costs import Pace
from finetune.errors import OptionError
from finetune.model.freezing import trainable_share
from finetune.progress import SILENT
from finetune.training import pace as pace_module
from finetune.training.learner import build_learner
from finetune.training.pace import measure_pace, plan_of, resolved_for


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("sets") / "data", dict.fromkeys("ab", 12))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return weights_file(tmp_path_factory.mktemp("weights"))


def paced(data: Path, weights: Path, *strategies: str, **choices: Any) -> Pace:
    prepared, recipe = prepared_of(data, weights, precision="fp32", **choices)
    recipes = {name: resolved_for(prepared, recipe, name) for name in strategies}
    return measure_pace(prepared, recipes, width=64, wide=120, reporter=SILENT)


@pytest.fixture(scope="module")
def both(data: Path, weights: Path) -> Pace:
    return paced(data, weights, "full-finetune", "partial")


def test_everything_that_is_timed_takes_some_time(both: Pace) -> None:
    assert set(both.steps) == {"full-finetune", "partial"}
    for seconds in (
        both.load_s,
        both.crop_s,
        both.forward_s,
        *(step.image_s for step in both.steps.values()),
    ):
        assert 0 < seconds < 60
    assert (both.width, both.wide) == (64, 120)


def test_nothing_is_frozen_in_full_fine_tuning_and_something_in_partial(both: Pace) -> None:
    assert both.steps["full-finetune"].frozen_s == 0
    assert 0 < both.steps["partial"].frozen_s <= both.steps["partial"].image_s


def test_a_cache_that_is_switched_off_keeps_nothing(data: Path, weights: Path) -> None:
    assert paced(data, weights, "partial", cache="off").steps["partial"].frozen_s == 0


def test_what_trains_is_the_strategy_s_share_of_the_network(both: Pace, data: Path, weights: Path) -> None:
    prepared, recipe = prepared_of(data, weights)
    for name, step in both.steps.items():
        learner = build_learner(prepared, resolved_for(prepared, recipe, name))
        assert step.trained / step.parameters == pytest.approx(
            trainable_share(learner.grouping, learner.plan)
        )
        assert step.parameters == sum(parameter.numel() for parameter in learner.model.parameters())
    assert both.steps["full-finetune"].trained == both.steps["full-finetune"].parameters
    assert both.steps["partial"].trained < both.steps["full-finetune"].trained


def test_fewer_thawed_layers_keep_less_for_the_backward_pass_and_larger_images_more(
    both: Pace, data: Path, weights: Path
) -> None:
    assert 0 < both.steps["partial"].kept_bytes < both.steps["full-finetune"].kept_bytes
    larger = paced(data, weights, "full-finetune", image_size=64)
    assert larger.steps["full-finetune"].kept_bytes > 3 * both.steps["full-finetune"].kept_bytes


def test_the_bytes_that_wait_for_the_backward_pass_are_those_of_its_tensors() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    with pace_module._counting(model) as kept:
        model(torch.zeros(10, 4))
    # The layer's input of 10 x 4 and the rectifier's output of 10 x 3 floats; the weights are the model's own.
    assert sum(kept.values()) == 10 * 4 * 4 + 10 * 3 * 4


def test_a_tensor_that_two_layers_keep_counts_once() -> None:
    model = nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])
    images = torch.zeros(10, 4)
    with pace_module._counting(model) as kept:
        for layer in model:
            layer(images)
    assert sum(kept.values()) == 10 * 4 * 4


def test_the_memory_is_that_of_this_process() -> None:
    before = pace_module._memory_bytes()
    block = np.ones(50_000_000, np.uint8)
    grown = pace_module._memory_bytes() - before
    assert 45e6 < grown < 80e6
    assert block.all()


def test_where_a_system_does_not_tell_the_most_so_far_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = pace_module._memory_bytes()
    monkeypatch.setattr(pace_module, "Path", lambda _: Path("/nowhere"))
    assert 0.5 * now < pace_module._memory_bytes() < 100 * now


def test_the_plan_is_that_of_the_recipe_that_will_run(data: Path, weights: Path) -> None:
    prepared, recipe = prepared_of(data, weights)
    partial = plan_of(resolved_for(prepared, recipe, "partial").recipe)
    assert partial.head_first
    scratch = plan_of(resolved_for(prepared, recipe, "from-scratch").recipe)
    assert not scratch.head_first
    assert scratch.epochs > partial.epochs
    chosen = recipe.with_changes(epochs=3, batch_size=5, augment="none")
    plan = plan_of(resolved_for(prepared, chosen, "partial").recipe)
    assert (plan.epochs, plan.batch_size, plan.views) == (3, 5, 1)


def test_a_strategy_that_the_choices_do_not_go_with_is_refused(data: Path, weights: Path) -> None:
    prepared, recipe = prepared_of(data, weights, warmup_epochs=9_000)
    assert resolved_for(prepared, recipe, "freeze-all").defaults.solver == "closed-form"
    with pytest.raises(OptionError, match="--warmup-epochs 9000 is longer than training"):
        resolved_for(prepared, recipe, "partial")


def test_from_scratch_needs_no_weights_and_is_paced_where_nothing_else_is(data: Path, weights: Path) -> None:
    prepared, recipe = prepared_of(data, weights)
    assert resolved_for(prepared, recipe, "from-scratch").recipe.weights == "none"
    assert paced(data, weights, "from-scratch").steps["from-scratch"].frozen_s == 0


def test_a_learning_rate_that_is_still_to_be_found_is_not_searched_for(data: Path, weights: Path) -> None:
    assert paced(data, weights, "partial", find_lr=True).steps["partial"].image_s > 0
