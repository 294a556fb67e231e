"""A run that is told to pause after an epoch goes on to the same bits as one that never paused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from killing import draw_hard, n_rows, outcome

from finetune.errors import INTERRUPTED_EXIT_CODE, Interrupted, Paused
from finetune.recipe import Recipe
from finetune.training.resume import resume
from finetune.training.train import fit

EPOCHS = 5


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_hard(tmp_path_factory.mktemp("data") / "hard")


def recipe_of(strategy: str, weights: Path, **changes: Any) -> Recipe:
    usual = {
        "backbone": "test_resnet",
        "weights": "none" if strategy == "from-scratch" else str(weights),
        "image_size": 32,
        "workers": 0,
        "epochs": EPOCHS,
        "batch_size": 8,
        "augment": "crop-flip",
    }
    return Recipe.make(strategy=strategy, **{**usual, **changes})


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("strategy", "pauses"), [("partial", (1, 3)), ("full-finetune", (2,)), ("from-scratch", (4,))]
)
def test_pausing_and_going_on_comes_to_the_same_bits(
    hard: Path, weights: Path, tmp_path: Path, strategy: str, pauses: tuple[int, ...]
) -> None:
    recipe = recipe_of(strategy, weights)
    fit(hard, recipe, out=tmp_path / "whole")
    run = tmp_path / "paused"
    first, *later = pauses
    with pytest.raises(
        Paused, match=f"^paused after epoch {first} of {EPOCHS}; .*go on with: finetune fit --resume"
    ):
        fit(hard, recipe, out=run, pause_after=first)
    for epochs in later:
        assert n_rows(run) == record(run)["epochs_done"] + 1
        with pytest.raises(Paused, match=f"^paused after epoch {epochs} of {EPOCHS}"):
            resume(run, pause_after=epochs)
    assert n_rows(run) == pauses[-1] + 1
    assert record(run)["state"] == "interrupted"
    assert (run / "bundle" / "model.safetensors").is_file(), "the best so far can be used meanwhile"
    finished = resume(run)
    assert finished.report.strategy == strategy
    assert outcome(run) == outcome(tmp_path / "whole")


@pytest.mark.parametrize("pause_after", [EPOCHS, EPOCHS + 3])
def test_pausing_at_the_last_epoch_finishes(
    hard: Path, weights: Path, tmp_path: Path, pause_after: int
) -> None:
    run = fit(hard, recipe_of("partial", weights), out=tmp_path / "run", pause_after=pause_after)
    assert run.report.accuracy_split == "test"
    assert record(tmp_path / "run")["state"] == "finished"


def test_where_early_stopping_ends_training_there_is_no_pause(
    hard: Path, weights: Path, tmp_path: Path
) -> None:
    # A rate that moves nothing: after the first epoch the accuracy never rises.
    still = recipe_of("partial", weights, lr=1e-12, patience=1, early_stopping="val_accuracy")
    run = fit(hard, still, out=tmp_path / "run", pause_after=2)
    assert record(tmp_path / "run")["epochs_done"] == 2
    assert run.report.stopped == "validation did not improve any more"


def test_a_head_that_is_solved_has_no_epochs_to_pause_between(
    hard: Path, weights: Path, tmp_path: Path
) -> None:
    recipe = recipe_of("freeze-all", weights, epochs=None, batch_size=None, augment=None)
    assert fit(hard, recipe, out=tmp_path / "run", pause_after=1).report.strategy == "freeze-all"


def test_a_pause_is_an_interruption_to_whoever_knows_no_pauses(
    hard: Path, weights: Path, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted) as raised:
        fit(hard, recipe_of("full-finetune", weights), out=tmp_path / "run", pause_after=1)
    assert raised.value.exit_code == INTERRUPTED_EXIT_CODE == 130


def test_going_on_with_a_pause_that_is_past_trains_one_more_epoch_and_pauses(
    hard: Path, weights: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.raises(Paused):
        fit(hard, recipe_of("partial", weights), out=run, pause_after=2)
    with pytest.raises(Paused):
        resume(run, pause_after=1)
    assert record(run)["epochs_done"] == 3
