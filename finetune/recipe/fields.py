"""What each field of a recipe takes, read from its declaration, and the groups that a form shows the fields in.

The command line makes its options of it and the page its form, so that a new field turns up in both.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from finetune.data.augmentation.family import FAMILY, PER_IMAGE, Group
from finetune.recipe.names import AUTO, OPTIMIZERS
from finetune.recipe.recipe import Recipe
from strategies import STRATEGIES

Kind = Literal["choice", "flag", "yes-no", "whole", "number", "text", "numbers", "texts", "pairs"]
"""``flag`` is off unless set; ``yes-no`` is open unless set; ``numbers`` and ``texts`` are lists."""


def _of(group: Group) -> tuple[str, ...]:
    return tuple(name for name, row in FAMILY.items() if row.group == group)


GROUPS = {
    "Network": ("normalization", "batch_norm", "stochastic_depth"),
    "Head": ("head", "hidden", "activation", "negative_slope", "dropout"),
    "Steps and rate": (
        "epochs",
        "batch_size",
        "accumulate",
        "optimizer",
        "lr",
        "find_lr",
        "momentum",
        "nesterov",
        "clip_norm",
    ),
    "Schedule": (
        "schedule",
        "warmup_epochs",
        "step_epochs",
        "milestones",
        "gamma",
        "head_first",
        "unfreeze_at",
        "grow_from",
    ),
    "Regularisation": (
        "weight_decay",
        "l2",
        "l2_sp",
        "label_smoothing",
        "ema",
        "average_last",
        "wise_ft",
    ),
    "Augmentation: form": _of("geometry"),
    "Augmentation: colour and noise": _of("colour"),
    "Augmentation: drawn operations and mixed images": (*_of("drawn"), *_of("mixed")),
    "Loop and cache": (
        "select",
        "early_stopping",
        "patience",
        "precision",
        "deterministic",
        "cache",
        "views",
    ),
    "Data": (
        "class_balance",
        "val_share",
        "test_share",
        "folds",
        "group_by",
        "exclude",
        "seed",
        "workers",
    ),
}
"""The fields of an expert's form, by what they are about."""

SET_ELSEWHERE = (
    "strategy",
    "strategy_options",
    "backbone",
    "weights",
    "image_size",
    "max_minutes",
    "augment",
    "drop_suspects",
    "relabel",
    "time_weight",
)
"""The fields that a form has other places for: the strategy's card, the data's section, the few common options.

All that name a file are among them: what is typed into a form must not reach any file of the computer.
"""


def _in_order() -> tuple[str, ...]:
    """Return a recipe's fields in the order they are declared in, single augmentations behind the policy."""
    others = [name for name in Recipe.model_fields if name not in PER_IMAGE]
    place = others.index("augment") + 1
    return (*others[:place], *PER_IMAGE, *others[place:])


ORDER = _in_order()
"""The order in which the command line lists the fields."""

NAMED = {"strategy": (AUTO, *STRATEGIES), "optimizer": OPTIMIZERS}
"""The choices of fields that are declared as text, since their validators name the nearest."""

_WORDS: dict[Any, Kind] = {int: "whole", float: "number", str: "text"}


@dataclass(frozen=True)
class Entry:
    """How a recipe's field is given: its kind, what it may be where that is a list, and what it is for.

    ``default`` None leaves it to the strategy and the backbone.
    """

    name: str
    kind: Kind
    choices: tuple[str, ...]
    default: Any
    description: str


def entry(name: str) -> Entry:
    """Return how the recipe's field ``name`` is given; raises KeyError for a name that is no field."""
    field = Recipe.model_fields[name]
    (declared,) = (member for member in _members(field.annotation) if member is not types.NoneType)
    literal = get_args(declared) if get_origin(declared) is Literal else ()
    choices = NAMED.get(name, literal)
    default = field.get_default(call_default_factory=True)
    kind = "choice" if choices else _kind(declared, default)
    return Entry(name, kind, choices, default, field.description or "")


def _kind(declared: Any, default: Any) -> Kind:
    if declared is bool:
        return "yes-no" if default is None else "flag"
    if get_origin(declared) is tuple:
        return "texts" if get_args(declared)[0] is str else "numbers"
    return "pairs" if get_origin(declared) is dict else _WORDS[declared]


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, each without its constraints."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    return [annotation]
