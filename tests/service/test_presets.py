"""What Recommended, Fast and Thorough come to, and what a training is expected to be like."""

import math
from typing import Any

import pytest

from finetune.errors import OptionError
from finetune.recipe import Recipe
from finetune.service.presets import PRESETS, foresee, own_epochs, with_preset
from strategies import STRATEGIES


def findings(*, n_train: int = 640, image_size: int = 224) -> dict[str, Any]:
    rows = {
        name: {"strategy": name, "options": {}, "seconds": 100.0 * (rank + 1)}
        for rank, name in enumerate(STRATEGIES)
    }
    rows["multi-stage"] = {"strategy": "freeze-all", "options": {"head": "multi-stage"}, "seconds": 150.0}
    return {"sizes": {"train": n_train}, "image_size": image_size, "advice": {"forecast": rows}}


def plan(preset: Any, strategy: str, **options: Any) -> Any:
    found = findings()
    made = Recipe.make(strategy=strategy, **with_preset(preset, found, strategy, options))
    return foresee(made, found)


def test_recommended_is_the_strategy_s_own() -> None:
    assert all(with_preset("recommended", findings(), name, {}) == {} for name in STRATEGIES)
    assert plan("recommended", "partial").epochs == own_epochs(Recipe.make(strategy="partial"), findings())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_goes_with_every_strategy(preset: Any, strategy: str) -> None:
    found = plan(preset, strategy)
    assert not found.recipe.unused_by(strategy)
    assert (found.epochs is None) == (strategy == "freeze-all")


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "freeze-all"])
def test_fast_is_faster_and_thorough_slower_than_recommended(strategy: str) -> None:
    fast, own, thorough = (plan(preset, strategy) for preset in ("fast", "recommended", "thorough"))
    assert own.epochs == own_epochs(own.recipe, findings())
    assert (fast.epochs, thorough.epochs) == (math.ceil(own.epochs / 3), 2 * own.epochs)
    assert (fast.side, own.side, thorough.side) == (160, 224, 224)
    assert thorough.seconds == pytest.approx(2 * own.seconds)
    assert fast.seconds == pytest.approx(own.seconds * fast.epochs / own.epochs * (160 / 224) ** 2)


def test_a_solved_head_has_no_rate_to_draw_and_is_judged_on_folds_when_thorough() -> None:
    found = plan("thorough", "freeze-all")
    assert (found.curve, found.lr, found.recipe.folds) == (None, None, 5)
    stepped = plan("thorough", "freeze-all", head="dense")
    assert stepped.curve is not None
    assert stepped.recipe.folds is None


def test_what_is_chosen_wins_over_the_preset() -> None:
    found = plan("fast", "partial", epochs="3", image_size="96", lr="0.01")
    assert (found.epochs, found.side, found.lr) == (3, 96, 0.01)
    assert plan("recommended", "partial", find_lr=True).lr is None


def test_the_forecast_of_the_head_that_is_chosen_counts_and_a_time_limit_cuts_it() -> None:
    assert plan("recommended", "freeze-all").seconds == 100
    assert plan("recommended", "freeze-all", head="multi-stage").seconds == 150
    assert plan("recommended", "from-scratch", max_minutes="1").seconds == 60
    without = findings() | {"advice": {}}
    assert foresee(Recipe.make(strategy="partial"), without).seconds is None


def test_choices_that_cannot_go_with_the_strategy_s_own_epochs_are_told() -> None:
    with pytest.raises(OptionError, match="warmup"):
        plan("fast", "partial", warmup_epochs="9")


def test_the_smallest_networks_keep_an_input_that_they_can_take() -> None:
    assert with_preset("fast", findings(image_size=32), "freeze-all", {}) == {"image_size": 32}
