"""Settle how classes of unequal size are evened out, from how unequal they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from finetune.recipe import Recipe
from finetune.recipe.names import ClassBalance
from finetune.recipe.usage import is_solved


class Rule(NamedTuple):
    """Up to which ratio of the largest class to the smallest what is done, and why."""

    up_to: float
    choice: ClassBalance
    why: str


RULES = (
    Rule(1.5, "none", "so nothing is evened out"),
    Rule(10, "weights", "so the loss is weighted"),
    Rule(float("inf"), "sampler", "so small classes are drawn more often"),
)
"""The bounds are this project's own. Weights keep every image in an epoch, but far beyond even the few images of a
small class take steps that their weights make noisy; drawing them more often does better then (Buda, Maki and
Mazurowski, Neural Networks 2018)."""


def with_balance(
    recipe: Recipe, counts: Mapping[str, int], *, strategy: str
) -> tuple[Recipe, tuple[str, ...]]:
    """Return ``recipe`` with ``class_balance: auto`` settled by the training images of each class, and a note."""
    if recipe.class_balance != "auto":
        return recipe, ()
    present = {name: count for name, count in counts.items() if count}
    if len(present) < 2:
        return recipe.with_changes(class_balance="none"), ()
    small, large = (choose(sorted(present), key=lambda name: present[name]) for choose in (min, max))
    ratio = present[large] / present[small]
    rule = next(rule for rule in RULES if ratio <= rule.up_to)
    if rule.choice == "sampler" and is_solved(recipe, strategy):
        rule = RULES[1]
    said = (
        f"class balance {rule.choice}: '{large}' has {ratio:.1f} times the training images of '{small}' "
        f"({present[large]:,} to {present[small]:,}), {rule.why}"
    )
    return recipe.with_changes(class_balance=rule.choice), (said,)
