"""What may stand for a value in a recipe file: no yes or no for a number, and one name for a list of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from finetune.recipe.sentences import shown

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


def refuse_switched_numbers(given: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> None:
    """Raise ValueError with one sentence for a truth value, alone or in a list, where ``fields`` take a number.

    YAML reads ``true``, ``yes`` and ``on`` as one, and Python would count it as 1.
    """
    for name, value in given.items():
        if name in fields and takes_numbers(fields[name].annotation):
            for part in _parts(value):
                if isinstance(part, bool):
                    raise ValueError(
                        f"{shown(name)} is {str(part).lower()} ({'yes and on' if part else 'no and off'} are read as "
                        "that too), but it takes a number; write a number, or leave it out"
                    )


def takes_numbers(annotation: Any) -> bool:
    """Whether a field declared so takes numbers, or a list or mapping of them, and no truth values."""
    leaves = set(_leaves(annotation))
    return bool({int, float} & leaves) and bool not in leaves


def _leaves(annotation: Any) -> Iterable[Any]:
    """Yield the plain types that ``annotation`` is made of; a constraint or a word of a choice is none."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _leaves(part)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else (value,)


def as_list(value: Any) -> Any:
    """Return a single name as a list of one, anything else as it is."""
    return (value,) if isinstance(value, str) else value
