"""The expert's fold: only what was changed is a choice, and every choice reaches the recipe."""

from typing import Any

import pytest

from finetune.errors import OptionError
from finetune.recipe import Recipe
from finetune.recipe.fields import GROUPS, entry
from strategies import STRATEGIES
from ui.expert import OF_POLICY, OWN, at_first, changed

OWN_OPTIONS = [(name, option) for name, kind in STRATEGIES.items() for option in kind.option_names()]
FIELDS = [name for fields in GROUPS.values() for name in fields]


def values(own: dict[tuple[str, str], str] | None = None, **fields: Any) -> list[Any]:
    """What the components hold when these were changed: strategies' ``own`` options, and ``fields``."""
    first = {(name, option): str(getattr(STRATEGIES[name](), option)) for name, option in OWN_OPTIONS}
    shown = {name: at_first(entry(name)) for name in FIELDS}
    return [*(first | (own or {})).values(), *(shown | fields).values()]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_fold_that_nobody_touched_chooses_nothing(strategy: str) -> None:
    assert changed(strategy, values()) == {}


def test_what_was_changed_becomes_the_recipe_s_own_fields() -> None:
    given = changed(
        "partial",
        values(
            schedule="step",
            milestones="2, 4",
            gamma=" 0.5 ",
            epochs="6",
            dropout="0",
            find_lr=True,
            head_first="no",
            exclude="ants, bees",
        ),
    )
    recipe = Recipe.make(strategy="partial", **given)
    assert (recipe.schedule, recipe.milestones, recipe.gamma) == ("step", (2, 4), 0.5)
    assert (recipe.epochs, recipe.dropout, recipe.find_lr, recipe.head_first) == (6, 0, True, False)
    assert recipe.exclude == ("ants", "bees")
    assert set(given) == set(recipe.model_fields_set) - {"strategy"}


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_chosen_from_the_page(name: str) -> None:
    field = entry(name)
    written: Any = {"flag": True, "yes-no": "yes", "texts": "ants", "numbers": "2,4"}.get(field.kind, "0.2")
    if field.kind in ("choice", "whole"):
        written = field.choices[-1] if field.choices else "3"
    assert set(changed("partial", values(**{name: written}))) == {name}


def test_what_was_chosen_and_emptied_again_is_no_choice() -> None:
    assert changed("partial", values(epochs="", seed=" ", schedule=OWN, exclude=" ")) == {}


def test_options_of_a_strategy_go_with_it_alone() -> None:
    own = values({("partial", "stages"): "2", ("full-finetune", "layer_decay"): "0.5"})
    assert changed("partial", own) == {"strategy_options": {"stages": 2.0}}
    assert changed("full-finetune", own) == {"strategy_options": {"layer_decay": 0.5}}
    assert changed("freeze-all", own) == {}


def test_a_strategy_s_option_that_is_no_number_is_told() -> None:
    with pytest.raises(OptionError, match="stages is 'two', but must be a number; change it or empty it"):
        changed("partial", values({("partial", "stages"): "two"}))


def test_single_augmentations_are_the_policy_s_unless_chosen_and_0_is_a_choice() -> None:
    assert at_first(entry("hflip")) == OF_POLICY
    given = changed("partial", values(hflip="no", rotation="0", blur="0.02", rand_augment=" 9 "))
    recipe = Recipe.make(strategy="partial", augment="strong", **given)
    assert (recipe.hflip, recipe.rotation, recipe.blur, recipe.rand_augment) == (False, 0, 0.02, 9)
    assert changed("partial", values(hflip=OF_POLICY, rotation="")) == {}
