"""The four answers to "what should I freeze?", as values that decide and never touch a model.

Each module of this package that declares a final `Strategy` is found by itself: a fifth strategy is one new
file. ``STRATEGIES`` maps names to classes; `make_strategy` builds one from a name and its options.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping

from strategies.base import GroupPlan, LayerGroup, Plan, Strategy, TrainingDefaults

__all__ = [
    "STRATEGIES",
    "GroupPlan",
    "LayerGroup",
    "Plan",
    "Strategy",
    "TrainingDefaults",
    "make_strategy",
]

_ORDER = ("freeze-all", "partial", "full-finetune", "from-scratch")


def _discover() -> dict[str, type[Strategy]]:
    found: dict[str, type[Strategy]] = {}
    for module_info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{module_info.name}")
        for declared in vars(module).values():
            if (
                inspect.isclass(declared)
                and issubclass(declared, Strategy)
                and not inspect.isabstract(declared)
            ):
                found[declared.name] = declared
    ranks = {name: rank for rank, name in enumerate(_ORDER)}
    return dict(sorted(found.items(), key=lambda item: (ranks.get(item[0], len(ranks)), item[0])))


STRATEGIES: Mapping[str, type[Strategy]] = _discover()


def make_strategy(name: str, options: Mapping[str, float] | None = None) -> Strategy:
    """Build the strategy ``name`` with its own ``options``.

    Raises KeyError for an unknown strategy, TypeError for an option that it does not have, and ValueError for
    an option out of range; each text names what would be right.
    """
    kind = STRATEGIES[name]
    options = dict(options or {})
    unknown = sorted(set(options) - set(kind.option_names()))
    if unknown:
        known = ", ".join(kind.option_names()) or "none"
        raise TypeError(f"strategy '{name}' has no option '{unknown[0]}' (its options: {known})")
    return kind(**{key: _as_declared(kind, key, value) for key, value in options.items()})


def _as_declared(kind: type[Strategy], key: str, value: float) -> float:
    """Keep whole numbers whole where the field's default is a whole number."""
    default = kind.__dataclass_fields__[key].default
    if isinstance(default, int):
        if not float(value).is_integer():
            raise ValueError(f"{key} is {value}, but must be a whole number")
        return int(value)
    return float(value)
