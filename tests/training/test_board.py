"""The event files hold the run's numbers once an epoch, as TensorBoard will read them."""

from pathlib import Path
from typing import Any

import pytest
from events import read_events

from finetune.training.board import Board, write_regularisation_board
from finetune.training.run_folder import RunFolder


def test_points_are_in_the_file_as_soon_as_they_are_added(tmp_path: Path) -> None:
    board = Board(tmp_path / "tensorboard")
    board.add(0, {"val_loss": 1.5})
    board.add(1, {"val_loss": 0.5, "lr/stage 1": 0.25})
    expected: list[Any] = [(0, {"val_loss": 1.5}), (1, {"val_loss": 0.5, "lr/stage_1": 0.25})]
    assert read_events(tmp_path / "tensorboard") == expected
    board.close()


def test_a_restart_takes_back_what_came_later(tmp_path: Path) -> None:
    board = Board(tmp_path / "tensorboard")
    for step in range(4):
        board.add(step, {"val_loss": float(step)})
    later = Board(tmp_path / "tensorboard")
    later.restart(board.points[:2])
    later.add(2, {"val_loss": 20.0})
    found = read_events(tmp_path / "tensorboard")
    assert [(step, scalars["val_loss"]) for step, scalars in found] == [(0, 0.0), (1, 1.0), (2, 20.0)]
    board.close()
    later.close()


def test_a_solved_head_s_path_is_there_too(tmp_path: Path) -> None:
    write_regularisation_board(RunFolder(tmp_path), [(0.01, 2.0), (0.1, 1.0)])
    found = read_events(tmp_path / "tensorboard")
    assert [step for step, _ in found] == [0, 1]
    assert found[1][1] == {"inverse_strength": pytest.approx(0.1), "cv_log_loss": 1.0}
