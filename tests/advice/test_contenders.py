"""Contenders are the strategies, with one that has a head on every stage, and the command line takes each."""

from __future__ import annotations

import pytest

from finetune.advice.contenders import CONTENDERS, Contender, contender_of
from finetune.recipe import Recipe
from strategies import STRATEGIES


def test_every_strategy_competes_and_nothing_else() -> None:
    assert {one.strategy for one in CONTENDERS.values()} == set(STRATEGIES)
    assert {name: one.name for name, one in CONTENDERS.items()} == {name: name for name in CONTENDERS}
    assert set(CONTENDERS) - set(STRATEGIES) == {"multi-stage"}


@pytest.mark.parametrize("contender", CONTENDERS.values(), ids=lambda one: one.name)
def test_a_recipe_of_a_contender_is_found_to_be_it(contender: Contender) -> None:
    recipe = Recipe.make(strategy=contender.strategy, **contender.options)
    assert contender_of(recipe.strategy, recipe.head) == contender.name


@pytest.mark.parametrize("contender", CONTENDERS.values(), ids=lambda one: one.name)
def test_the_flags_are_those_of_the_recipe(contender: Contender) -> None:
    flags = contender.flags
    given = {flag.removeprefix("--"): value for flag, value in zip(flags[::2], flags[1::2], strict=True)}
    assert Recipe.make(**given) == Recipe.make(strategy=contender.strategy, **contender.options)


@pytest.mark.parametrize(
    ("strategy", "head", "name"),
    [
        ("freeze-all", None, "freeze-all"),
        ("freeze-all", "linear", "freeze-all"),
        ("freeze-all", "multi-stage", "multi-stage"),
        ("partial", "multi-stage", "partial"),
    ],
)
def test_the_head_makes_another_contender_of_freeze_all_alone(
    strategy: str, head: str | None, name: str
) -> None:
    assert contender_of(strategy, head) == name


def test_people_read_the_strategy_and_its_head() -> None:
    assert CONTENDERS["multi-stage"].title == "freeze-all (multi-stage head)"
    assert CONTENDERS["partial"].title == "partial"
