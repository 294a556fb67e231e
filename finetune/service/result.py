"""A job's answer as JSON on disk, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULT = "result.json"


def write_result(path: Path, answer: Mapping[str, Any]) -> None:
    """Replace ``path`` whole: a reader sees the old answer or the new one."""
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(dict(answer), ensure_ascii=False), encoding="utf-8")
    unfinished.replace(path)


def read_result(path: Path) -> dict[str, Any]:
    """Return the answer in ``path``; an empty one while there is none to be read."""
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}
