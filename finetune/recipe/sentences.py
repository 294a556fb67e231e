"""What is wrong with a recipe, in one sentence that names the choice as the user writes it."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from finetune.errors import nearest

WITHOUT_FLAG = ("strategy_options",)
"""Fields that have no command-line option of their own."""


def shown(name: str) -> str:
    """Return a field as the user writes it: an option where there is one, else the key in a recipe file."""
    return name if name in WITHOUT_FLAG else "--" + name.replace("_", "-")


def sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """Turn pydantic's first complaint into one sentence."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return f"unknown setting '{name}', see `finetune fit --help`{nearest(name, model.model_fields)}"
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    what = first["msg"][0].lower() + first["msg"][1:]
    hint = ""
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        hint = nearest(
            first["input"], first["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        )
    return f"{shown(name)} is {first['input']!r}: {what}{hint}"


def invalid_yaml(error: Exception) -> str:
    """Return what a YAML parser complained about, with the line."""
    mark = getattr(error, "problem_mark", None)
    where = f" in line {mark.line + 1}" if mark else ""
    return str(getattr(error, "problem", None) or str(error).splitlines()[0]) + where
