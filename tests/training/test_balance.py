"""`auto` evens classes out by how unequal they are, and says so with the numbers."""

from collections.abc import Mapping

import pytest

from finetune.model.backbones import CATALOGUE
from finetune.recipe import Recipe
from finetune.training.resolve import Resolved, resolve


def resolved(strategy: str, counts: Mapping[str, int], balance: str = "auto") -> Resolved:
    recipe = Recipe.make(strategy=strategy, class_balance=balance)
    return resolve(
        recipe,
        strategy=strategy,
        backbone=CATALOGUE["test_resnet"],
        weights="hub",
        n_train=sum(counts.values()),
        class_counts=counts,
    )


@pytest.mark.parametrize(
    ("strategy", "counts", "choice"),
    [
        ("partial", {"a": 100, "b": 100}, "none"),
        ("partial", {"a": 150, "b": 100}, "none"),
        ("partial", {"a": 160, "b": 100}, "weights"),
        ("partial", {"a": 1000, "b": 100}, "weights"),
        ("partial", {"a": 1100, "b": 100}, "sampler"),
        ("freeze-all", {"a": 1100, "b": 100}, "weights"),
        ("freeze-all", {"a": 100, "b": 100}, "none"),
    ],
)
def test_the_ratio_of_the_classes_decides(strategy: str, counts: dict[str, int], choice: str) -> None:
    assert resolved(strategy, counts).recipe.class_balance == choice


def test_the_note_gives_the_classes_their_ratio_and_what_is_done() -> None:
    assert resolved("partial", {"cat": 250, "dog": 100, "eel": 120}).notes[0] == (
        "class balance weights: 'cat' has 2.5 times the training images of 'dog' (250 to 100), "
        "so the loss is weighted"
    )


def test_what_was_chosen_by_name_stays_and_nothing_is_said() -> None:
    found = resolved("partial", {"a": 1000, "b": 10}, "none")
    assert (found.recipe.class_balance, found.notes) == ("none", ())


def test_a_filled_recipe_stays_as_it_was_settled() -> None:
    first = resolved("partial", {"a": 250, "b": 100}).recipe
    again = resolve(
        first,
        strategy="partial",
        backbone=CATALOGUE["test_resnet"],
        weights="hub",
        n_train=200,
        class_counts={"a": 100, "b": 100},
    )
    assert again.recipe.class_balance == "weights"
