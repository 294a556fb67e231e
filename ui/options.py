"""The options of a training between the page's components, the browser that keeps them, and a recipe. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from finetune.recipe.fields import entry
from finetune.service.presets import PRESETS, Preset
from ui.expert import OWN, YES_NO, changed
from ui.tabs.train import AUGMENTATIONS, FIRST, IMAGE_SIZES, MINUTES, NO_LIMIT, OWN_SIZE

MOST_LETTERS = 10_000
COMMON: Mapping[str, Sequence[str]] = {
    "preset": PRESETS,
    "image_size": IMAGE_SIZES,
    "max_minutes": MINUTES,
    "augment": AUGMENTATIONS,
}
"""The options beside the expert's, by the names they are kept by, with what they may be."""


def preset_of(values: Sequence[Any]) -> Preset:
    """Return the preset among the values of `TrainParts.options`; one that is unknown is the first."""
    return cast(Preset, values[0]) if values[0] in PRESETS else cast(Preset, FIRST)


def recipe_fields(strategy: str, values: Sequence[Any]) -> dict[str, Any]:
    """Return the recipe's fields that the values of `TrainParts.options` set; raises OptionError."""
    _, size, minutes, augment, *expert = values
    common = {
        "image_size": None if size == OWN_SIZE else size,
        "max_minutes": None if minutes == NO_LIMIT else minutes,
        "augment": None if augment == OWN else augment,
    }
    given = {name: value for name, value in common.items() if value is not None}
    return {**given, **changed(strategy, expert)}


def to_keep(names: Sequence[str], firsts: Sequence[Any], values: Sequence[Any]) -> dict[str, Any]:
    """Return the values that differ from the ``firsts``, by their names."""
    rows = zip(names, firsts, values, strict=True)
    return {name: value for name, first, value in rows if value != first}


def kept_values(names: Sequence[str], firsts: Sequence[Any], kept: Any) -> list[Any]:
    """Return what each option is to hold by what the browser has ``kept``, which may be anything."""
    found = kept if isinstance(kept, Mapping) else {}
    return [
        found[name] if name in found and _can_hold(name, first, found[name]) else first
        for name, first in zip(names, firsts, strict=True)
    ]


def _can_hold(name: str, first: Any, value: Any) -> bool:
    if isinstance(first, bool) or not isinstance(value, str):
        return isinstance(value, bool) and isinstance(first, bool)
    if name in COMMON:
        return value in COMMON[name]
    try:
        field = entry(name)
    except KeyError:  # an option of a strategy, which is a number in a text
        return len(value) <= MOST_LETTERS
    if field.kind in ("choice", "yes-no"):
        return value in (first, *(field.choices or YES_NO))
    return len(value) <= MOST_LETTERS
