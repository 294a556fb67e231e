"""Which of a recipe's choices a strategy uses, and which it would ignore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finetune.recipe.names import DEFAULT_BATCH_SIZE, SOLVED_HEADS
from strategies import STRATEGIES

if TYPE_CHECKING:
    from finetune.recipe.recipe import Recipe

STEPPED = (
    "epochs",
    "batch_size",
    "accumulate",
    "optimizer",
    "lr",
    "find_lr",
    "momentum",
    "nesterov",
    "clip_norm",
    "schedule",
    "warmup_epochs",
    "step_epochs",
    "milestones",
    "gamma",
    "weight_decay",
    "l2",
    "label_smoothing",
    "dropout",
    "ema",
    "average_last",
    "select",
    "early_stopping",
    "patience",
)
"""What only training by optimizer steps uses."""

THAWED = (
    "stochastic_depth",
    "batch_norm",
    "l2_sp",
    "mixup",
    "cutmix",
    "wise_ft",
    "head_first",
    "unfreeze_at",
    "grow_from",
)
"""What only training of layers below the head uses."""

PRETRAINED = ("l2_sp", "wise_ft", "head_first", "unfreeze_at")
"""What needs pretrained weights to start from."""


def is_given(recipe: Recipe, name: str) -> bool:
    """Whether the user chose ``name``; False is a flag that was not set."""
    value: Any = getattr(recipe, name)
    return value is not None and value is not False


def unused_by(recipe: Recipe, strategy: str) -> list[str]:
    """Return the names of the given options that ``strategy`` would ignore."""
    names: tuple[str, ...] = ()
    if is_solved(recipe, strategy):
        names = (*STEPPED, *THAWED)
    elif trains_only_the_head(strategy):
        names = THAWED
    elif STRATEGIES[strategy].weights == "random":
        names = PRETRAINED
    unused = [name for name in names if is_given(recipe, name)]
    if recipe.folds is not None and not is_solved(recipe, strategy):
        unused.append("folds")
    draws_no_batch = is_solved(recipe, strategy) and recipe.class_balance == "sampler"
    return [*unused, "class_balance"] if draws_no_batch else unused


def is_solved(recipe: Recipe, strategy: str) -> bool:
    """Whether the head is solved on fixed features instead of stepped."""
    return trains_only_the_head(strategy) and (recipe.head is None or recipe.head in SOLVED_HEADS)


def trains_only_the_head(strategy: str) -> bool:
    """Whether everything below the head is frozen from the first step to the last."""
    defaults = STRATEGIES[strategy]().defaults(n_train=1, batch_size=DEFAULT_BATCH_SIZE)
    return defaults.solver == "closed-form"


def why_unused(recipe: Recipe, name: str) -> str:
    """Return which strategy ignores the option ``name`` and why, and what to do."""
    strategy = f"strategy '{recipe.strategy}'"
    if name == "folds":
        return (
            f"{strategy} and these choices, which would train {recipe.folds} networks; leave it out, or use "
            "--strategy freeze-all with a head that is solved"
        )
    if STRATEGIES[recipe.strategy].weights == "random":
        return f"{strategy}, which starts from random weights; leave it out, or use --strategy full-finetune"
    if name in STEPPED:
        return f"{strategy}, which solves its head on fixed features; leave it out, or use --strategy partial"
    return f"{strategy}, which trains nothing below the head; leave it out, or use --strategy partial"
