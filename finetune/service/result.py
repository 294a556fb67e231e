"""A job's answer as JSON on disk, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

RESULT = "result.json"


def write_result(path: Path, answer: Mapping[str, Any]) -> None:
    """Replace ``path`` whole: a reader sees the old answer or the new one."""
    replace_text(path, json.dumps(dict(answer), ensure_ascii=False))


def replace_text(path: Path, text: str) -> None:
    """Replace the text file ``path`` whole."""
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    unfinished.replace(path)


def read_result(path: Path, names: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Return the answer in ``path``, an empty one while there is none to be read.

    In every text of it the ``names`` stand in the place of what they are names for.
    """
    try:
        text = path.read_text(encoding="utf-8")
        for named, name in names.items():
            text = text.replace(_within_json(named), _within_json(name)) if named else text
        answer = json.loads(text)
    except (OSError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _within_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
