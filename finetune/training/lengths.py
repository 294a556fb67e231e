"""How many steps an epoch has, and a recipe with fewer epochs, whose other lengths shrink with them. Pure."""

from __future__ import annotations

import math

from finetune.errors import OptionError
from finetune.recipe import Recipe

LEAST_PATIENCE = 5


def steps_per_epoch(n_train: int, batch_size: int) -> int:
    """Return the batches of one pass; a last batch of one image is left out when there are others."""
    full, rest = divmod(n_train, batch_size)
    return full + (1 if rest > 1 or full == 0 else 0)


def optimizer_steps_per_epoch(n_train: int, batch_size: int, accumulate: int) -> int:
    """Return the optimizer steps of one pass, ``accumulate`` batches each, the last perhaps of fewer."""
    return math.ceil(steps_per_epoch(n_train, batch_size) / accumulate)


def default_patience(epochs: int) -> int:
    """Return a third of the epochs, five at least."""
    return max(LEAST_PATIENCE, math.ceil(epochs / 3))


def shortened(recipe: Recipe, epochs: int) -> Recipe:
    """Return the resolved ``recipe`` with ``epochs``, fewer than it has, and its schedule of the same shape.

    Warm-up, drops, thawing, patience and the epochs to average keep their share of training. Raises
    OptionError when what was chosen needs more epochs than there are.
    """
    assert recipe.epochs is not None
    share = epochs / recipe.epochs
    changes: dict[str, object] = {"epochs": epochs}
    if recipe.warmup_epochs is not None:
        changes["warmup_epochs"] = recipe.warmup_epochs * share
    if recipe.step_epochs is not None:
        changes["step_epochs"] = max(1, round(recipe.step_epochs * share))
    if recipe.milestones is not None:
        changes |= _drops(recipe.milestones, share, epochs)
    if recipe.unfreeze_at is not None:
        changes["unfreeze_at"] = min(max(1, round(recipe.unfreeze_at * share)), epochs - 1)
    if recipe.average_last is not None:
        changes["average_last"] = min(recipe.average_last, epochs)
    if recipe.patience is not None:
        changes["patience"] = max(min(recipe.patience, LEAST_PATIENCE), math.ceil(recipe.patience * share))
    _refuse_too_few(recipe, epochs)
    return recipe.with_changes(**_no_drop_in_the_warm_up(changes))


def _drops(milestones: tuple[int, ...], share: float, epochs: int) -> dict[str, object]:
    """Return the milestones that still lie within training; a single epoch has no room for any."""
    kept = {max(1, round(milestone * share)) for milestone in milestones}
    within = tuple(sorted(milestone for milestone in kept if milestone < epochs))
    return {"milestones": within} if within else {"milestones": None, "step_epochs": epochs}


def _no_drop_in_the_warm_up(changes: dict[str, object]) -> dict[str, object]:
    """Shorten the warm-up to the first drop, which rounding may have moved into it."""
    milestones, warmup_epochs = changes.get("milestones"), changes.get("warmup_epochs")
    first = milestones[0] if isinstance(milestones, tuple) else changes.get("step_epochs")
    if isinstance(first, int) and isinstance(warmup_epochs, float):
        changes["warmup_epochs"] = min(warmup_epochs, float(first))
    return changes


def _refuse_too_few(recipe: Recipe, epochs: int) -> None:
    for name, needed in (("unfreeze_at", 2), ("average_last", 2)):
        if getattr(recipe, name) is not None and epochs < needed:
            raise OptionError(
                f"--max-minutes {recipe.max_minutes:g} leaves time for {epochs} epoch, but "
                f"--{name.replace('_', '-')} needs {needed}; give it more time, or leave that out"
            )
