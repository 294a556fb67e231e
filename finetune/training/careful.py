"""Leave flips and rotations out where the class names tell that they could change the label, and say so. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finetune.data.augmentation.family import FAMILY, TURNING, flag
from finetune.data.augmentation.labels import Caution, caution
from finetune.data.augmentation.policies import POLICIES, strengths_of, turned_by
from finetune.recipe import Recipe
from finetune.recipe.augmentations import mixes, switches


def with_care(recipe: Recipe, class_names: Sequence[str]) -> tuple[Recipe, tuple[str, ...]]:
    """Return ``recipe`` without the turns that nobody chose by name, and a note on what was left out or is risky.

    ``recipe.augment`` is settled. What is left out is switched off in the recipe, so that it repeats the run.
    """
    found = caution(class_names)
    policy, given = recipe.augment or "none", dict(switches(recipe))
    if found is None:
        return recipe, ()
    left_out = turned_by(policy, given)
    if left_out:
        off = {name: False if FAMILY[name].kind == "switch" else 0.0 for name in left_out}
        return recipe.with_changes(**off), (_left_out(recipe, left_out, found),)
    chosen = [name for name in TURNING if strengths_of(policy, given)[name]]
    return recipe, ((_risky(chosen, found),) if chosen else ())


def _left_out(recipe: Recipe, names: Sequence[str], found: Caution) -> str:
    policy = POLICIES[recipe.augment or "none"]
    flags = " ".join(
        flag(name) + (f" {policy.get(name, 10):g}" if name == "rotation" else "") for name in names
    )
    return (
        f"note: {_named(names)} left out of the augmentation, since {found.why}; {flags} brings "
        f"{'it' if len(names) == 1 else 'them'} in"
    )


def _risky(names: Sequence[str], found: Caution) -> str:
    return (
        f"note: {_named(names)} chosen, but {found.why}; see in augmentation.png whether the images keep their "
        "class"
    )


def _named(names: Sequence[str]) -> str:
    shown = [FAMILY[name].does.lower() for name in names]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) + (
        " is" if len(shown) == 1 else " are"
    )


def augmentation_json(recipe: Recipe, class_names: Sequence[str]) -> dict[str, Any]:
    """Return what a report says: the policy, what was done to each image how strongly, and what the names tell."""
    policy = recipe.augment or "none"
    found = caution(class_names)
    return {
        "policy": policy,
        "strengths": strengths_of(policy, switches(recipe)).to_json() | dict(mixes(recipe)),
        "class_names": None if found is None else found.why,
    }
