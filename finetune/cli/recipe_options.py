"""Command-line options for every field of a recipe, made from the fields themselves."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from finetune.recipe.fields import ORDER, Entry, Kind, entry
from finetune.recipe.sentences import WITHOUT_FLAG, shown

METAVARS = {
    "image_size": "PX",
    "grow_from": "PX",
    "max_minutes": "M",
    "exclude": "CLASS",
    "unfreeze_at": "EPOCH",
    "group_by": "REGEX",
    "drop_suspects": "FILE",
    "relabel": "FILE",
}
ALSO = {"class_balance": ("--balance",), "normalization": ("--normalize",)}
"""Shorter names of options."""

LONGEST_METAVAR = 80
"""Characters of help's line; a longer list of choices is left to the error that names them."""

FLAGS = tuple(name for name in ORDER if name not in WITHOUT_FLAG)
"""The fields that have an option of their own, named as `shown` shows them."""

_TYPES: dict[Kind, Any] = {
    "flag": bool,
    "yes-no": bool,
    "whole": int,
    "number": float,
    "texts": list[str],
}
"""What the option parser reads: numbers and flags as such, all else as text."""


def takes_fields(names: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each of the fields ``names``; it gets those that were given as ``choices``.

    A value is only read as text, a number or a flag here: what it may be is the recipe's to say.
    """

    def give(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapper(**given: Any) -> None:
            choices = {name: given.pop(name) for name in names}
            command(choices=choices, **given)

        own = inspect.signature(command, eval_str=True).parameters
        parameters = [parameter for name, parameter in own.items() if name != "choices"]
        options = [_option(entry(name)) for name in names]
        places = [*parameters[:1], *options, *parameters[1:]]
        wrapper.__signature__ = inspect.Signature(places)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {place.name: place.annotation for place in places}
        return wrapper

    return give


takes_recipe = takes_fields(FLAGS)
"""Gives a command an option for every field that has one."""


def _option(field: Entry) -> inspect.Parameter:
    kind = _TYPES.get(field.kind, str)
    flag = shown(field.name)
    names = [f"{flag}/--no-{flag[2:]}"] if field.kind == "yes-no" else [flag, *ALSO.get(field.name, ())]
    option = typer.Option(*names, help=field.description, metavar=_metavar(field))
    annotation: Any = Annotated[kind | None, option]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _metavar(field: Entry) -> str | None:
    choices = "|".join(field.choices)
    if choices and len(choices) + len(shown(field.name)) < LONGEST_METAVAR:
        return choices
    return METAVARS.get(field.name)
