"""Torch chooses repeatable algorithms within the block only, and what has none is refused in one sentence."""

import os

import pytest
import torch

from finetune.errors import OptionError
from finetune.training.determinism import deterministic


def settings() -> tuple[object, ...]:
    cudnn = torch.backends.cudnn
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        cudnn.deterministic,
        cudnn.benchmark,
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )


def test_the_settings_are_changed_in_the_block_and_put_back_after() -> None:
    before = settings()
    with deterministic(True):
        assert settings() == (True, False, True, False, ":4096:8")
    assert settings() == before
    with pytest.raises(ZeroDivisionError, match="division"), deterministic(True):
        print(1 / 0)
    assert settings() == before


def test_nothing_changes_unless_it_is_wanted() -> None:
    before = settings()
    with deterministic(False):
        assert settings() == before


def test_a_workspace_that_was_chosen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with deterministic(True):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_an_operation_without_such_an_algorithm_is_named() -> None:
    before = settings()
    with (
        pytest.raises(OptionError, match=r"--deterministic cannot be: put_ has no algorithm that repeats"),
        deterministic(True),
    ):
        torch.zeros(3).put_(torch.tensor([0]), torch.tensor([1.0]))
    assert settings() == before


def test_other_errors_come_through_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), deterministic(True):
        torch.zeros(2, 3) @ torch.zeros(2, 3)
