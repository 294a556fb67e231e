"""The family of augmentations as a table for the terminal. Pure."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from finetune.data.augmentation.family import FAMILY, Augmentation, flag
from finetune.data.augmentation.policies import POLICIES, strengths_of
from ui.present import table

SHOWN = tuple(policy for policy in POLICIES if policy != "none")


def augmentations_table() -> RenderableType:
    """Show each augmentation with its option, its range, and its strength under each policy."""
    made = table("option", "what it does", "range", *SHOWN, right=SHOWN)
    for row in FAMILY.values():
        made.add_row(flag(row.name), _does(row), row.reach, *(_under(policy, row) for policy in SHOWN))
    words = (
        "Policies go by --augment NAME; a single option wins over the policy, and 0 or --no-... switches it off.",
        "Options with * are left out of light, medium and strong where the class names are digits, letters, sides or "
        "signs, unless they are chosen by name. Mixup and CutMix are in no policy.",
    )
    return Group(made, "", *(Text(line) for line in words))


def _does(row: Augmentation) -> str:
    says = f"{row.does}: {row.strength}" if row.strength else row.does
    return says + (" *" if row.turns else "")


def _under(policy: str, row: Augmentation) -> str:
    if row.group == "mixed":
        return ""
    strength = strengths_of(policy)[row.name]  # type: ignore[arg-type]
    if not strength:
        return ""
    return "yes" if row.kind == "switch" else f"{strength:g}"
