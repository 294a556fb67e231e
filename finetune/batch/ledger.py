"""The rows of a batch on disk: one line of JSON each time a job changes its state; the last of a name counts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

State = Literal["finished", "failed", "interrupted", "pending"]


@dataclass(frozen=True)
class Row:
    """What became of one job.

    ``accuracy`` in [0, 1] is that of the report, on ``accuracy_split``, None unless the job has finished, and
    ``macro_f1`` in [0, 1] that of the same images; ``seconds`` are wall-clock. ``run`` is the run folder, empty while
    there is none. ``key`` names recipe and data: a finished job with the same key need not run again.
    """

    name: str
    state: State
    accuracy: float | None = None
    seconds: float = 0.0
    run: str = ""
    error: str = ""
    key: str = ""
    data: str = ""
    strategy: str = ""
    backbone: str = ""
    image_size: int | None = None
    accuracy_interval: tuple[float, float] | None = None
    accuracy_split: str = ""
    n_correct: int | None = None
    n_train: int | None = None
    n_val: int | None = None
    n_test: int | None = None
    macro_f1: float | None = None
    stopped: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the row under its stable keys."""
        return asdict(self)


_NAMES = {field.name for field in fields(Row)}


def row_from(values: Mapping[str, Any]) -> Row:
    """Return the row with these values; what a later version has added is left out. Raises TypeError."""
    known = {name: value for name, value in values.items() if name in _NAMES}
    interval = known.get("accuracy_interval")
    return Row(**{**known, "accuracy_interval": interval and tuple(interval)})


class Ledger:
    """``results.jsonl``: rows are only ever added."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self) -> dict[str, Row]:
        """Return the last row of each name; a line that a crash has cut short is passed over."""
        found: dict[str, Row] = {}
        if not self._path.exists():
            return found
        for line in self._path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                row = row_from(json.loads(line))
            except (ValueError, TypeError, AttributeError):
                continue
            found[row.name] = row
        return found

    def append(self, row: Row) -> None:
        """Add a row; it is on disk when this returns."""
        with self._path.open("a+b") as stream:
            stream.seek(0, os.SEEK_END)
            if stream.tell() and not self._ends_a_line(stream.tell()):
                stream.write(b"\n")
            stream.write(json.dumps(row.to_json(), ensure_ascii=False).encode("utf-8", "replace") + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def _ends_a_line(self, size: int) -> bool:
        with self._path.open("rb") as stream:
            stream.seek(size - 1)
            return stream.read(1) == b"\n"
