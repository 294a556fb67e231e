"""Command-line options for every field of a recipe, made from the fields themselves."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from finetune.recipe import Recipe
from finetune.recipe.sentences import WITHOUT_FLAG, shown

METAVARS = {"image_size": "PX", "max_minutes": "M", "exclude": "CLASS", "unfreeze_at": "EPOCH"}
_WORDS = {int: int, float: float, str: str}

FLAGS = tuple(name for name in Recipe.model_fields if name not in WITHOUT_FLAG)
"""The fields that have an option of their own, named as `shown` shows them."""


def takes_recipe(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` an option for each of `FLAGS`; it gets those that were given as ``choices``.

    A value is only read as text, a number or a flag here: what it may be is the recipe's to say.
    """

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        choices = {name: given.pop(name) for name in FLAGS}
        command(choices=choices, **given)

    own = inspect.signature(command, eval_str=True).parameters
    parameters = [parameter for name, parameter in own.items() if name != "choices"]
    options = [_option(name, Recipe.model_fields[name]) for name in FLAGS]
    places = [*parameters[:1], *options, *parameters[1:]]
    wrapper.__signature__ = inspect.Signature(places)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {place.name: place.annotation for place in places}
    return wrapper


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    kind = _kind(field)
    flag = shown(name)
    names = [f"{flag}/--no-{flag[2:]}"] if kind is bool and field.default is None else [flag]
    option = typer.Option(*names, help=field.description, metavar=METAVARS.get(name))
    annotation: Any = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _kind(field: FieldInfo) -> Any:
    """Return the type that the option parser reads: numbers and flags as such, all else as text."""
    kinds = [kind for kind in _members(field.annotation) if kind is not types.NoneType]
    (kind,) = kinds
    if kind is bool:
        return bool
    if get_origin(kind) is tuple:
        return list[str] if get_args(kind)[0] is str else str
    return _WORDS.get(kind, str)


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, each without its constraints."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    return [annotation]
