"""Fill what a recipe left open from the strategy's and the backbone's own defaults. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from finetune.data.transforms import Preprocessing
from finetune.model.backbones import Backbone
from finetune.recipe import DEFAULT_BATCH_SIZE, Recipe
from strategies import TrainingDefaults

DEFAULT_AUGMENT = "crop"


@dataclass(frozen=True)
class Resolved:
    """A recipe without open questions, the strategy's defaults, and notes on what was left unused."""

    recipe: Recipe
    defaults: TrainingDefaults
    notes: tuple[str, ...]


def resolve(recipe: Recipe, *, strategy: str, backbone: Backbone, weights: str, n_train: int) -> Resolved:
    """Return ``recipe`` with the chosen ``strategy``, concrete backbone and weights, and every number filled.

    Options that only gradient training uses are dropped, with one note, when the advised strategy solves its
    head; a recipe that names its strategy has refused them already.
    """
    unused = recipe.unused_by(strategy)
    changes: dict[str, object] = dict.fromkeys(unused)
    changes |= {
        "strategy": strategy,
        "backbone": backbone.name,
        "weights": weights,
        "image_size": recipe.image_size or backbone.image_size,
    }
    named = recipe.with_changes(**changes)
    batch_size = recipe.batch_size or DEFAULT_BATCH_SIZE
    defaults = named.build_strategy().defaults(
        n_train=n_train, batch_size=batch_size * (recipe.accumulate or 1)
    )
    if defaults.solver == "gradient":
        named = _with_numbers(named.with_changes(batch_size=batch_size), defaults, n_train, batch_size)
    return Resolved(named, defaults, tuple(_note(unused, strategy)))


def _with_numbers(recipe: Recipe, defaults: TrainingDefaults, n_train: int, batch_size: int) -> Recipe:
    epochs = math.ceil(
        defaults.steps / optimizer_steps_per_epoch(n_train, batch_size, recipe.accumulate or 1)
    )
    own = {
        "epochs": epochs,
        "lr": None if recipe.find_lr else defaults.lr,
        "weight_decay": defaults.weight_decay,
        "label_smoothing": defaults.label_smoothing,
        "augment": DEFAULT_AUGMENT,
    }
    return recipe.with_changes(
        **{name: value for name, value in own.items() if getattr(recipe, name) is None}
    )


def steps_per_epoch(n_train: int, batch_size: int) -> int:
    """Return the batches of one pass; a last batch of one image is left out when there are others."""
    full, rest = divmod(n_train, batch_size)
    return full + (1 if rest > 1 or full == 0 else 0)


def optimizer_steps_per_epoch(n_train: int, batch_size: int, accumulate: int) -> int:
    """Return the optimizer steps of one pass; a last group of fewer than ``accumulate`` batches steps too."""
    return math.ceil(steps_per_epoch(n_train, batch_size) / accumulate)


def _note(unused: list[str], strategy: str) -> list[str]:
    if not unused:
        return []
    flags = ", ".join("--" + name.replace("_", "-") for name in unused)
    return [f"note: {flags} not used: {strategy} solves its head on fixed features and has no training steps"]


def preprocessing_of(backbone: Backbone, image_size: int) -> Preprocessing:
    """Return the preprocessing that the backbone's weights were trained with, at ``image_size`` pixels."""
    return Preprocessing(image_size, backbone.mean, backbone.std, backbone.interpolation, backbone.crop)
