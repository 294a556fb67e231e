"""Answers as rows of a file: CSV with the promised columns, or a JSON object a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from finetune.bundle.bundle import Bundle
from finetune.bundle.predict import Prediction
from finetune.errors import OptionError

Format = Literal["csv", "jsonl"]
JSONL_SUFFIXES = (".jsonl", ".ndjson")


class Rows(Protocol):
    """How answers are written."""

    def header(self) -> str:
        """Return what stands before the first row."""

    def row(self, prediction: Prediction) -> str:
        """Return one answer, its line's end included."""


class CsvRows:
    """``path,label,probability,error,top1_label,top1_probability,…`` with ``top`` label columns.

    After them stand the ``verdicts``: ``set``, a JSON list of the plausible classes, and ``known``, true or false.
    """

    def __init__(self, *, top: int, verdicts: Collection[str] = ()) -> None:
        self._top = top
        self._verdicts = [name for name in ("set", "known") if name in verdicts]

    def header(self) -> str:
        """See `Rows.header`."""
        ranks = range(1, self._top + 1)
        columns = [name for rank in ranks for name in (f"top{rank}_label", f"top{rank}_probability")]
        return _csv_line(["path", "label", "probability", "error", *columns, *self._verdicts])

    def row(self, prediction: Prediction) -> str:
        """See `Rows.row`."""
        ranked = [value for label, share in prediction.top for value in (label, f"{share:.6f}")]
        probability = "" if prediction.probability is None else f"{prediction.probability:.6f}"
        padding = [""] * (2 * self._top - len(ranked))
        row = [prediction.path, prediction.label, probability, prediction.error, *ranked, *padding]
        plausible, known = prediction.plausible, prediction.known
        cells = {
            "set": "" if plausible is None else json.dumps(plausible, ensure_ascii=False),
            "known": "" if known is None else str(known).lower(),
        }
        return _csv_line([*row, *(cells[name] for name in self._verdicts)])


class JsonRows:
    """One JSON object a line, with the keys of ``predict --json``."""

    def header(self) -> str:
        """See `Rows.header`."""
        return ""

    def row(self, prediction: Prediction) -> str:
        """See `Rows.row`."""
        return json.dumps(prediction_json(prediction), ensure_ascii=False) + "\n"


def prediction_json(prediction: Prediction) -> dict[str, Any]:
    """Return one image's answer as JSON-ready values; ``set`` and ``known`` only where the bundle can tell."""
    verdict: dict[str, Any] = {}
    if prediction.plausible is not None:
        verdict["set"] = list(prediction.plausible)
    if prediction.known is not None:
        verdict["known"] = prediction.known
    return {
        "path": str(prediction.path),
        "label": prediction.label or None,
        "probability": prediction.probability,
        "error": prediction.error or None,
        "top": [{"label": label, "probability": share} for label, share in prediction.top],
        **verdict,
    }


def format_of(out: Path, asked: str | None) -> Format:
    """Return the format ``asked`` for, else the one that the ending of ``out`` names; raises OptionError."""
    if asked is None:
        return "jsonl" if out.suffix.lower() in JSONL_SUFFIXES else "csv"
    for known in get_args(Format):
        if asked == known:
            return known  # type: ignore[no-any-return]
    raise OptionError(f"unknown format '{asked}'; choose from {', '.join(get_args(Format))}")


def rows_for(bundle: Bundle, written: Format, *, top: int) -> Rows:
    """Return how the answers of ``bundle``, with the ``top`` likeliest labels, are written."""
    if written == "jsonl":
        return JsonRows()
    return CsvRows(top=min(top, len(bundle.class_names)), verdicts=verdict_columns(bundle))


def verdict_columns(bundle: Bundle) -> tuple[str, ...]:
    """Return the columns of `CsvRows` that ``bundle`` can fill: ``set``, ``known``, both or none."""
    calibration = bundle.calibration
    has = {"set": calibration.conformal is not None, "known": calibration.reject is not None}
    return tuple(name for name, is_there in has.items() if is_there)


def _csv_line(cells: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
