"""Recommended, fast and thorough: what each changes in a recipe, and what a training will be like. Pure.

``recommended`` is the strategy's own. ``fast`` is for a first look: a third of the epochs, and images of about half
the area, since the time of a convolution grows with the area. ``thorough`` is for when an hour does not matter: twice
the epochs with stronger augmentation, which longer training needs so as not to learn images by heart; a head that is
solved has no epochs, so that it is judged on five folds of all images instead, which narrows its interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from finetune.recipe import DEFAULT_BATCH_SIZE, Recipe
from finetune.recipe.usage import is_solved
from finetune.training.lengths import optimizer_steps_per_epoch
from finetune.training.rates import DEFAULT_OPTIMIZER, default_lr
from finetune.training.schedules import Curve, curve_of

Preset = Literal["recommended", "fast", "thorough"]
PRESETS: tuple[Preset, ...] = get_args(Preset)

FAST_EPOCHS, FAST_SIDE = 1 / 3, 0.75
THOROUGH_EPOCHS, THOROUGH_FOLDS = 2, 5
SIDES = 32
"""A network halves its input five times: sides are multiples of this."""


@dataclass(frozen=True)
class Foreseen:
    """What a training by ``recipe`` is going to be.

    ``epochs``, the peak learning rate ``lr`` and its ``curve`` over the steps are None where the head is solved, and
    ``lr`` where it is to be found. ``seconds`` follow from the forecast, None where there is none.
    """

    recipe: Recipe
    side: int
    epochs: int | None
    steps_per_epoch: int
    lr: float | None
    curve: Curve | None
    seconds: float | None


def with_preset(
    preset: Preset, findings: Mapping[str, Any], strategy: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the ``options`` of a recipe with those of the preset that they leave open.

    ``findings`` are those of an analysis that came to its advice.
    """
    return {**_fields(preset, findings, strategy, options), **_given(options)}


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _fields(
    preset: Preset, findings: Mapping[str, Any], strategy: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    if preset == "recommended":
        return {}
    solved = _has_solved_head(strategy, options)
    if preset == "fast":
        smaller = max(SIDES, int(FAST_SIDE * findings["image_size"] / SIDES) * SIDES)
        side = {} if "grow_from" in _given(options) else {"image_size": smaller}
        return side if solved else {**side, "epochs": _epochs(findings, strategy, options, FAST_EPOCHS)}
    if solved:
        return {"folds": THOROUGH_FOLDS}
    return {"epochs": _epochs(findings, strategy, options, THOROUGH_EPOCHS), "augment": "medium"}


def _has_solved_head(strategy: str, options: Mapping[str, Any]) -> bool:
    return is_solved(Recipe.make(strategy=strategy, head=options.get("head")), strategy)


def _epochs(findings: Mapping[str, Any], strategy: str, options: Mapping[str, Any], share: float) -> int:
    return max(
        2, math.ceil(share * own_epochs(Recipe.make(strategy=strategy, **_lengths(options)), findings))
    )


def _lengths(options: Mapping[str, Any]) -> dict[str, Any]:
    names = ("batch_size", "accumulate", "strategy_options")
    return {name: value for name, value in _given(options).items() if name in names}


def own_epochs(recipe: Recipe, findings: Mapping[str, Any]) -> int:
    """Return the epochs of the strategy's own choice; ``recipe`` names the strategy."""
    n_train, batch_size = findings["sizes"]["train"], recipe.batch_size or DEFAULT_BATCH_SIZE
    accumulate = recipe.accumulate or 1
    defaults = recipe.build_strategy().defaults(n_train=n_train, batch_size=batch_size * accumulate)
    return math.ceil(defaults.steps / optimizer_steps_per_epoch(n_train, batch_size, accumulate))


def foresee(recipe: Recipe, findings: Mapping[str, Any]) -> Foreseen:
    """Return what a training by ``recipe``, which names its strategy, will be like on the data of ``findings``.

    Raises OptionError where what is chosen cannot go with the strategy's own epochs.
    """
    side = recipe.image_size or int(findings["image_size"])
    if is_solved(recipe, recipe.strategy):
        return Foreseen(recipe, side, None, 0, None, None, _seconds(recipe, findings, side, 1.0))
    own = own_epochs(recipe, findings)
    filled = recipe.with_changes(epochs=recipe.epochs or own)
    assert filled.epochs is not None
    n_train, batch_size = findings["sizes"]["train"], recipe.batch_size or DEFAULT_BATCH_SIZE
    steps = optimizer_steps_per_epoch(n_train, batch_size, recipe.accumulate or 1)
    return Foreseen(
        recipe,
        side,
        filled.epochs,
        steps,
        None if recipe.find_lr else _peak(recipe, n_train),
        curve_of(filled, steps_per_epoch=steps),
        _seconds(recipe, findings, side, filled.epochs / own),
    )


def _peak(recipe: Recipe, n_train: int) -> float:
    if recipe.lr is not None:
        return recipe.lr
    images_a_step = (recipe.batch_size or DEFAULT_BATCH_SIZE) * (recipe.accumulate or 1)
    defaults = recipe.build_strategy().defaults(n_train=n_train, batch_size=images_a_step)
    return default_lr(recipe.optimizer or DEFAULT_OPTIMIZER, defaults.lr)


def _seconds(recipe: Recipe, findings: Mapping[str, Any], side: int, epochs_share: float) -> float | None:
    """Return the forecast's seconds at the strategy's own size and epochs, times what area and epochs change."""
    head = recipe.head if recipe.head == "multi-stage" else None
    rows = [
        row
        for row in findings["advice"].get("forecast", {}).values()
        if row["strategy"] == recipe.strategy and row["options"].get("head") == head
    ]
    if not rows:
        return None
    width = side / int(findings["image_size"])
    seconds = float(rows[0]["seconds"]) * epochs_share * width * width
    is_cut = recipe.max_minutes is not None and not is_solved(recipe, recipe.strategy)
    return min(seconds, 60.0 * float(recipe.max_minutes or 0)) if is_cut else seconds
