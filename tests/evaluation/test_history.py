"""What a run writes down: a CSV that can be read while it grows."""

import csv
from pathlib import Path

from finetune.evaluation.history import MetricsRow, append_row, write_regularisation

FIRST = MetricsRow(0, None, 1.25, 0.5, 0.51, 0.0, 0.1, 0.25)
SECOND = MetricsRow(1, 0.75, 1.0, 0.625, 0.63, 1e-3, 2.5)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_each_row_is_on_disk_when_it_was_appended_below_one_header(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    append_row(path, FIRST)
    assert read(path) == [
        {
            "epoch": "0",
            "train_loss": "",
            "val_loss": "1.25",
            "val_accuracy": "0.5",
            "val_score": "0.51",
            "lr": "0.0",
            "seconds": "0.1",
            "val_macro_f1": "0.25",
        }
    ]
    append_row(path, SECOND)
    assert [row["epoch"] for row in read(path)] == ["0", "1"]
    assert read(path)[1]["train_loss"] == "0.75"
    assert float(read(path)[1]["lr"]) == 1e-3


def test_the_strengths_tried_are_written_with_their_losses(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    write_regularisation(path, [(1e-4, 0.7), (10.0, 0.25)])
    assert read(path) == [
        {"inverse_strength": "0.0001", "cv_log_loss": "0.7"},
        {"inverse_strength": "10.0", "cv_log_loss": "0.25"},
    ]


def test_no_strength_tried_is_a_header_alone(tmp_path: Path) -> None:
    write_regularisation(tmp_path / "metrics.csv", [])
    assert read(tmp_path / "metrics.csv") == []
    assert (tmp_path / "metrics.csv").read_text().strip() == "inverse_strength,cv_log_loss"
