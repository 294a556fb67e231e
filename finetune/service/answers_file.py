"""The file of answers of a `predict` job, in its folder."""

from __future__ import annotations

from pathlib import Path

from finetune.prediction.part_file import rows_kept


def answers_file(folder: Path, file_format: str) -> Path:
    """Return where the answers of the job in ``folder`` lie once all are there."""
    return folder / f"answers.{file_format}"


def rows_done(folder: Path, file_format: str) -> int:
    """Return how many rows an attempt that ended early has left to be gone on with."""
    return rows_kept(answers_file(folder, file_format))
