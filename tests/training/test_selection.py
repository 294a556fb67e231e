"""The kept epoch is the best by what was chosen, or the last; and freeze-all never chooses it on val."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.errors import OptionError
from finetune.model.backbones import CATALOGUE
from finetune.recipe import Recipe
from finetune.recipe.names import Select
from finetune.training.resolve import resolve
from finetune.training.selection import chooses_on_val, merit

LOGGED = [
    {"val_loss": 0.50, "val_accuracy": 0.90, "val_score": 0.901, "val_macro_f1": 0.70},
    {"val_loss": 0.60, "val_accuracy": 0.85, "val_score": 0.851, "val_macro_f1": 0.80},
    {"val_loss": 0.40, "val_accuracy": 0.80, "val_score": 0.801, "val_macro_f1": 0.75},
    {"val_loss": 0.70, "val_accuracy": 0.70, "val_score": 0.701, "val_macro_f1": 0.60},
]


@pytest.mark.parametrize(("select", "best"), [("accuracy", 0), ("macro-f1", 1), ("loss", 2), ("last", 3)])
def test_each_choice_keeps_another_epoch(select: Select, best: int) -> None:
    merits = [merit(select, logged, epoch=epoch) for epoch, logged in enumerate(LOGGED)]
    assert merits.index(max(merits)) == best


def test_of_epochs_with_one_macro_f1_that_of_the_lower_loss_is_kept() -> None:
    better = merit("macro-f1", {"val_macro_f1": 0.5, "val_loss": 0.1}, epoch=1)
    assert better > merit("macro-f1", {"val_macro_f1": 0.5, "val_loss": 0.2}, epoch=2)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 50), st.floats(0, 50))
def test_a_loss_never_outweighs_a_macro_f1(low: float, high: float, one: float, other: float) -> None:
    if high - low > 1e-5:
        worse = merit("macro-f1", {"val_macro_f1": low, "val_loss": one}, epoch=1)
        assert worse < merit("macro-f1", {"val_macro_f1": high, "val_loss": other}, epoch=1)


def test_the_last_epoch_is_not_kept_when_its_weights_are_no_numbers() -> None:
    assert math.isnan(merit("last", {"val_loss": math.nan}, epoch=9))


def filled(strategy: str, **fields: object) -> Recipe:
    recipe = Recipe.make(strategy=strategy, **fields)
    return resolve(
        recipe, strategy=strategy, backbone=CATALOGUE["test_resnet"], weights="hub", n_train=100
    ).recipe


def test_freeze_all_keeps_the_last_epoch_and_others_the_best_on_val() -> None:
    stepped = filled("freeze-all", head="dense")
    assert (stepped.select, stepped.early_stopping, stepped.patience) == ("last", "none", None)
    partial = filled("partial")
    assert (partial.select, partial.early_stopping) == ("accuracy", "val_score")


@pytest.mark.parametrize(("select", "watched"), [("macro-f1", "val_macro_f1"), ("loss", "val_loss")])
def test_early_stopping_watches_what_the_epoch_is_chosen_by(select: str, watched: str) -> None:
    assert filled("partial", select=select).early_stopping == watched
    assert filled("partial", select=select, early_stopping="train_loss").early_stopping == "train_loss"


def test_val_chooses_unless_the_last_epoch_is_kept_and_nothing_stops_on_val() -> None:
    assert not chooses_on_val("last", "none")
    assert not chooses_on_val("last", "train_loss")
    assert chooses_on_val("last", "val_loss")
    assert chooses_on_val("macro-f1", "none")


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        (
            {"wise_ft": True, "select": "macro-f1"},
            "--wise-ft chooses on val by accuracy, but --select is macro-f1",
        ),
        (
            {"average_last": 3, "select": "loss"},
            "--average-last is compared with the best epoch by accuracy, but",
        ),
        ({"strategy": "freeze-all", "select": "last"}, "--select has no effect with strategy 'freeze-all'"),
        ({"strategy": "freeze-all", "head": "dense", "patience": 2}, "--patience has no effect without"),
    ],
)
def test_a_selection_that_cannot_be_is_refused(fields: dict[str, object], match: str) -> None:
    with pytest.raises(OptionError, match=match):
        filled(**{"strategy": "partial", **fields})  # type: ignore[arg-type]
