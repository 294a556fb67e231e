"""What a field of a recipe takes is read from its declaration, and every field has one place in a form."""

from collections import Counter

import pytest

from finetune import cli
from finetune.recipe import Recipe
from finetune.recipe.fields import GROUPS, SET_ELSEWHERE, Kind, entry
from strategies import STRATEGIES


def test_every_field_of_a_recipe_is_in_one_group_or_set_elsewhere() -> None:
    placed = Counter([*SET_ELSEWHERE, *(name for fields in GROUPS.values() for name in fields)])
    assert set(placed) == set(Recipe.model_fields)
    assert set(placed.values()) == {1}


def test_no_form_takes_the_path_of_a_file() -> None:
    given = {"weights": "w.safetensors", "drop_suspects": "a.csv", "relabel": "b.csv"}
    assert Recipe.make(**given).files.keys() == given.keys()
    assert not [name for fields in GROUPS.values() for name in fields if name in given]


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        ("schedule", "choice", None),
        ("optimizer", "choice", None),
        ("find_lr", "flag", False),
        ("head_first", "yes-no", None),
        ("epochs", "whole", None),
        ("seed", "whole", 0),
        ("lr", "number", None),
        ("val_share", "number", 0.15),
        ("backbone", "text", "auto"),
        ("hidden", "numbers", None),
        ("exclude", "texts", ()),
        ("strategy_options", "pairs", {}),
    ],
)
def test_the_kind_and_the_default_of_a_field_are_those_declared(
    name: str, kind: Kind, default: object
) -> None:
    assert (entry(name).kind, entry(name).default) == (kind, default)


def test_every_choice_that_is_offered_can_be_made() -> None:
    needed = {"activation": {"head": "dense"}}
    for name in Recipe.model_fields:
        for choice in entry(name).choices:
            made = Recipe.make(**{name: choice}, **needed.get(name, {}))
            assert getattr(made, name) == choice


def test_every_field_and_every_strategy_s_option_says_what_it_is_for() -> None:
    assert [name for name in Recipe.model_fields if not entry(name).description.endswith(".")] == []
    words = [text for kind in STRATEGIES.values() for text in kind.option_words().values()]
    assert len(words) >= 2
    assert all(text.endswith(".") for text in words)


def test_the_help_lists_what_may_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["fit", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--augment none|crop|crop-flip|light|medium|strong" in shown
    assert "--schedule constant|step|cosine|linear|inverse-sqrt|one-cycle" in shown
    assert "--strategy auto|freeze-all|partial|full-finetune|from-scratch" in shown
    assert max(map(len, shown.splitlines())) <= 80
