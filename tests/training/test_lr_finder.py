"""The search leaves the network as it was, finds the valley of a curve, and says when there is none."""

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from learners import Heard, learner_in, recipe_of, run
from networks import moved, snapshot
from PIL import Image

from finetune.training.loaders import train_batches
from finetune.training.lr_finder import HIGHEST, LOWEST, N_STEPS, ramp, search_lr, valley
from finetune.training.settle import make_tuner


def curve(fall_at: float, rise_at: float, *, fall: float = 1.0) -> list[float]:
    """A loss that falls smoothly around one rate and rises around another (logarithms to base 10)."""
    rates = [math.log10(rate) for rate in ramp(N_STEPS)]
    return [
        2 - fall / (1 + math.exp(-4 * (rate - fall_at))) + 3 / (1 + math.exp(-8 * (rate - rise_at)))
        for rate in rates
    ]


def test_the_rates_rise_by_one_factor() -> None:
    rates = ramp(5)
    assert (rates[0], rates[-1]) == (LOWEST, pytest.approx(HIGHEST))
    assert all(b / a == pytest.approx(rates[1] / rates[0]) for a, b in pairwise(rates))


@pytest.mark.parametrize("fall_at", [-4.0, -3.0, -2.0])
def test_the_valley_lies_where_the_loss_falls_and_moves_with_it(fall_at: float) -> None:
    place = valley(curve(fall_at, fall_at + 1.5))
    assert place is not None
    assert fall_at - 0.5 < math.log10(ramp(N_STEPS)[place]) < fall_at + 0.5


@pytest.mark.parametrize(
    "losses",
    [
        [],
        [1.0] * 5,
        [1.0] * N_STEPS,
        [1 + step / 10 for step in range(N_STEPS)],
        curve(-3, -1.5, fall=0.05),
    ],
    ids=["nothing", "too short", "flat", "rising", "hardly falling"],
)
def test_a_curve_without_a_clear_valley_has_none(losses: list[float]) -> None:
    assert valley(losses) is None


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_search_leaves_network_modes_gradients_and_generators_as_they_were(
    tmp_path: Path, accumulate: int
) -> None:
    learner = learner_in(tmp_path, "full-finetune")
    recipe = recipe_of("full-finetune", accumulate=accumulate)
    learner.model.get_submodule("fc").register_forward_pre_hook(
        lambda _module, inputs: torch.nn.functional.dropout(inputs[0], 0.5)
    )
    tuner = make_tuner(learner, recipe)
    before, modes = snapshot(tuner), [module.training for module in tuner.modules()]
    generator = torch.get_rng_state()
    search = search_lr(tuner, train_batches(learner, recipe), recipe)
    assert torch.equal(torch.get_rng_state(), generator)
    assert not moved(before, tuner.state_dict())
    assert [module.training for module in tuner.modules()] == modes
    assert all(parameter.grad is None for parameter in tuner.parameters())
    assert N_STEPS // 2 < len(search.rates) == len(search.losses) <= N_STEPS
    assert search.found is None or search.found in search.rates
    again = search_lr(tuner, train_batches(learner, recipe), recipe)
    assert again == search


def test_a_run_trains_at_what_was_found_and_its_recipe_says_so(tmp_path: Path) -> None:
    heard = Heard()
    _, trained, folder = run(tmp_path, "from-scratch", heard=heard, find_lr=True, lr=None, epochs=1)
    (said,) = [text for text in heard.said if "learning rate" in text]
    assert not trained.recipe.find_lr
    assert trained.recipe.lr is not None
    assert f"{trained.recipe.lr:.2g}" in said
    assert str(folder.lr_finder) in said
    assert "lr:" in folder.recipe.read_text(encoding="utf-8")
    assert "find_lr" not in folder.recipe.read_text(encoding="utf-8")
    with Image.open(folder.lr_finder) as picture:
        assert picture.width > 300


def test_without_a_valley_the_strategy_s_own_rate_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finetune.training.lr_finder.LEAST_FALL", 1.0)
    heard = Heard()
    _, trained, _ = run(tmp_path, "from-scratch", heard=heard, find_lr=True, lr=None, epochs=1)
    assert trained.recipe.lr == 1e-3
    (said,) = [text for text in heard.said if text.startswith("note: the loss has no clear valley")]
    assert "keeping 0.001, the strategy's own" in said
