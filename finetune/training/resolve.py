"""Fill what a recipe left open from the strategy's and the backbone's own defaults. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from finetune.data.transforms import Preprocessing
from finetune.model.backbones import Backbone
from finetune.model.heads import DEFAULT_HIDDEN, DEFAULT_SLOPE, DENSE_DROPOUT
from finetune.recipe import DEFAULT_BATCH_SIZE, Recipe
from finetune.recipe.names import WITH_MOMENTUM
from finetune.recipe.usage import is_solved, trains_only_the_head
from finetune.training.balance import with_balance
from finetune.training.careful import with_care
from finetune.training.lengths import default_patience, optimizer_steps_per_epoch
from finetune.training.rates import (
    DEFAULT_MOMENTUM,
    DEFAULT_OPTIMIZER,
    default_lr,
    default_weight_decay,
)
from finetune.training.schedules import (
    DEFAULT_GAMMA,
    DEFAULT_SCHEDULE,
    default_step_epochs,
    default_warmup_epochs,
)
from finetune.training.selection import WATCHED
from strategies import STRATEGIES, TrainingDefaults

DEFAULT_AUGMENT = "crop"
DEFAULT_CLIP_NORM = 1.0
SMALL_BATCH = 16
"""Below this many images moving batch-norm statistics are noise (Wu and He, ECCV 2018, figure 1)."""


@dataclass(frozen=True)
class Resolved:
    """A recipe without open questions, the strategy's defaults, and notes on what was left unused.

    ``fallback_lr`` is the peak rate to train with where the recipe's is still to be found (``find_lr``).
    """

    recipe: Recipe
    defaults: TrainingDefaults
    notes: tuple[str, ...]

    @property
    def fallback_lr(self) -> float:
        """Return the strategy's own peak learning rate for the recipe's optimizer."""
        return default_lr(self.recipe.optimizer or DEFAULT_OPTIMIZER, self.defaults.lr)


def resolve(
    recipe: Recipe,
    *,
    strategy: str,
    backbone: Backbone,
    weights: str,
    n_train: int,
    class_names: Sequence[str] = (),
    class_counts: Mapping[str, int] | None = None,
) -> Resolved:
    """Return ``recipe`` with the chosen ``strategy``, concrete backbone and weights, and every number filled.

    Options that the advised strategy has no use for are dropped, with one note; a recipe that names its strategy
    has refused them already. Where ``class_names`` forbid them, flips and rotations that nobody chose by name are
    left out; ``class_counts`` of the training images settle ``class_balance: auto``. Raises OptionError for choices
    that cannot go with what was filled, such as a warm-up longer than the strategy's epochs. What is off where
    nothing is said stays None.
    """
    unused = recipe.unused_by(strategy)
    changes: dict[str, object] = dict.fromkeys(unused)
    changes |= {
        "time_weight": None,
        "strategy": strategy,
        "backbone": backbone.name,
        "weights": weights,
        "image_size": recipe.image_size or backbone.image_size,
    }
    named = recipe.with_changes(**changes)
    batch_size = named.batch_size or DEFAULT_BATCH_SIZE
    defaults = named.build_strategy().defaults(
        n_train=n_train, batch_size=batch_size * (named.accumulate or 1)
    )
    if not is_solved(named, strategy):
        defaults = replace(defaults, solver="gradient")
    named, balanced = with_balance(named, class_counts or {}, strategy=strategy)
    named = _filled(named, {"normalization": defaults.normalization})
    if defaults.solver == "gradient":
        named = _with_numbers(_filled(named, {"batch_size": batch_size, "accumulate": 1}), defaults, n_train)
    named, care = with_care(named, class_names)
    return Resolved(
        named, defaults, (*_note(unused, strategy, named), *balanced, *_statistics_note(named), *care)
    )


def _with_numbers(recipe: Recipe, defaults: TrainingDefaults, n_train: int) -> Recipe:
    """Fill in three passes: later defaults hang on earlier ones."""
    recipe = _filled(recipe, _independent(recipe, defaults, n_train))
    assert recipe.epochs is not None
    recipe = _filled(recipe, _hanging_on_names(recipe, defaults))
    return _filled(recipe, {"warmup_epochs": default_warmup_epochs(recipe)})


def _independent(recipe: Recipe, defaults: TrainingDefaults, n_train: int) -> dict[str, object]:
    steps = optimizer_steps_per_epoch(
        n_train, recipe.batch_size or DEFAULT_BATCH_SIZE, recipe.accumulate or 1
    )
    return {
        **_of_the_head(recipe),
        "batch_norm": _batch_norm(recipe),
        "epochs": math.ceil(defaults.steps / steps),
        "optimizer": DEFAULT_OPTIMIZER,
        "clip_norm": DEFAULT_CLIP_NORM,
        "schedule": DEFAULT_SCHEDULE,
        "head_first": defaults.head_first,
        "label_smoothing": defaults.label_smoothing,
        "augment": DEFAULT_AUGMENT,
        "class_balance": "none",
        "select": _select(recipe),
    }


def _of_the_head(recipe: Recipe) -> dict[str, object]:
    own: dict[str, object] = {"head": "linear"}
    if recipe.head == "dense":
        own |= {"hidden": DEFAULT_HIDDEN, "activation": "relu", "dropout": DENSE_DROPOUT}
    if recipe.activation == "leaky-relu":
        own["negative_slope"] = DEFAULT_SLOPE
    return own


def _select(recipe: Recipe) -> str:
    """Return how the epoch is chosen: never on val where only the head is trained, so that val can measure it."""
    return "last" if trains_only_the_head(recipe.strategy) else "accuracy"


def _batch_norm(recipe: Recipe) -> str | None:
    """Return how the layers that train keep their statistics, None where none below the head does."""
    if trains_only_the_head(recipe.strategy):
        return None
    return "train" if STRATEGIES[recipe.strategy].weights == "random" else "frozen"


def _hanging_on_names(recipe: Recipe, defaults: TrainingDefaults) -> dict[str, object]:
    """Return what hangs on the optimizer, the schedule and the epochs, which are filled."""
    assert recipe.optimizer is not None
    assert recipe.epochs is not None
    own: dict[str, object] = {}
    if not recipe.find_lr:
        own["lr"] = default_lr(recipe.optimizer, defaults.lr)
    if recipe.optimizer in WITH_MOMENTUM:
        own["momentum"] = DEFAULT_MOMENTUM
    # A penalty that was chosen takes the place of the strategy's decay.
    penalised = recipe.l2 is not None or recipe.l2_sp is not None
    own["weight_decay"] = 0.0 if penalised else default_weight_decay(recipe.optimizer, defaults.weight_decay)
    if recipe.schedule == "step":
        own["gamma"] = DEFAULT_GAMMA
        own["step_epochs"] = None if recipe.milestones else default_step_epochs(recipe.epochs)
    assert recipe.select is not None
    watched = recipe.early_stopping or WATCHED[recipe.select]
    own["early_stopping"] = watched
    if watched != "none":
        own["patience"] = default_patience(recipe.epochs)
    return own


def _filled(recipe: Recipe, own: dict[str, object]) -> Recipe:
    """Return the recipe with ``own`` where it says nothing; raises OptionError for what cannot go together."""
    return recipe.with_changes(
        **{name: value for name, value in own.items() if getattr(recipe, name) is None}
    )


def _note(unused: list[str], strategy: str, recipe: Recipe) -> list[str]:
    if not unused:
        return []
    if unused == ["folds"]:
        return [f"note: --folds not used: {strategy} would train as many networks"]
    flags = ", ".join("--" + name.replace("_", "-") for name in unused)
    if STRATEGIES[strategy].weights == "random":
        why = "starts from random weights"
    elif is_solved(recipe, strategy):
        why = "solves its head on fixed features and has no training steps"
    else:
        why = "trains nothing below the head"
    return [f"note: {flags} not used: {strategy} {why}"]


def _statistics_note(recipe: Recipe) -> list[str]:
    is_small = recipe.batch_size is not None and recipe.batch_size < SMALL_BATCH
    if recipe.batch_norm != "train" or STRATEGIES[recipe.strategy].weights == "random" or not is_small:
        return []
    return [
        f"note: --batch-norm train moves pretrained statistics by batches of {recipe.batch_size} images; below "
        f"{SMALL_BATCH} they are noisy, and --batch-norm frozen is usually better"
    ]


def preprocessing_of(backbone: Backbone, image_size: int) -> Preprocessing:
    """Return the preprocessing that the backbone's weights were trained with, at ``image_size`` pixels."""
    return Preprocessing(image_size, backbone.mean, backbone.std, backbone.interpolation, backbone.crop)
