"""Gradual thaw: the head alone at first, then one layer group more each epoch, from the top. Pure.

After Howard and Ruder, ACL 2018 (ULMFiT), who thaw a language model in this order.
"""

from __future__ import annotations

from dataclasses import replace

from strategies import Plan


def thaw_epochs(plan: Plan, unfreeze_at: int) -> dict[str, int]:
    """Return, for each group that ``plan`` trains, the epoch, counted from 0, from which on it learns.

    The head learns from 0 on; the group below it after ``unfreeze_at`` epochs, the next an epoch later.
    """
    trained = [group.name for group in reversed(plan.groups) if not group.is_frozen]
    return {name: unfreeze_at + place - 1 if place else 0 for place, name in enumerate(trained)}


def plan_at(plan: Plan, epoch: int, unfreeze_at: int | None) -> Plan:
    """Return ``plan`` as it holds in ``epoch``, counted from 0: what has not thawed yet is frozen in full."""
    if unfreeze_at is None:
        return plan
    begins = thaw_epochs(plan, unfreeze_at)
    groups = tuple(
        group
        if epoch >= begins.get(group.name, 0)
        else replace(group, lr_multiplier=0.0, hold_statistics=True)
        for group in plan.groups
    )
    return replace(plan, groups=groups)


def never_thawed(plan: Plan, unfreeze_at: int | None, epochs: int) -> list[str]:
    """Return the groups that ``plan`` would train but that ``epochs`` epochs are too few to reach."""
    if unfreeze_at is None:
        return []
    return [name for name, begin in thaw_epochs(plan, unfreeze_at).items() if begin >= epochs]
