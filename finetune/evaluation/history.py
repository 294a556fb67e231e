"""What a run writes down while it trains: `metrics.csv`, one row an epoch, or one a strength tried."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class MetricsRow:
    """The state after ``epoch`` epochs (0: before the first).

    Losses in nats; ``train_loss`` is None at epoch 0; ``lr`` is the head's learning rate at the epoch's end;
    ``seconds`` since training began; ``val_macro_f1`` is None in a state of before there was one.
    """

    epoch: int
    train_loss: float | None
    val_loss: float
    val_accuracy: float
    val_score: float
    lr: float
    seconds: float
    val_macro_f1: float | None = None


def append_row(path: Path, row: MetricsRow) -> None:
    """Add one row, with the header if the file is new; it is on disk when this returns."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(MetricsRow)])
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(row))


def write_rows(path: Path, rows: Iterable[MetricsRow]) -> None:
    """Write ``rows`` as the whole file."""
    path.unlink(missing_ok=True)
    for row in rows:
        append_row(path, row)


def read_rows(path: Path) -> list[MetricsRow]:
    """Return the rows of the file, none where it does not exist; raises KeyError or ValueError for another table."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [_row(values) for values in csv.DictReader(stream)]


def _row(values: dict[str, str]) -> MetricsRow:
    numbers = {
        name: float(values[name]) for name in ("val_loss", "val_accuracy", "val_score", "lr", "seconds")
    }
    optional = {
        name: float(values[name]) if values.get(name) else None for name in ("train_loss", "val_macro_f1")
    }
    return MetricsRow(
        epoch=int(values["epoch"]),
        train_loss=optional["train_loss"],
        val_macro_f1=optional["val_macro_f1"],
        **numbers,
    )


def write_regularisation(path: Path, points: Iterable[tuple[float, float]]) -> None:
    """Write the (C, cross-validated log loss in nats) that a solved head was chosen from."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["inverse_strength", "cv_log_loss"])
        writer.writerows(points)
