"""Early stopping watches what it is told to, and the words for an end fit it."""

import csv
from pathlib import Path
from typing import get_args

import pytest
from events import read_events
from learners import run
from pytorch_lightning.callbacks import EarlyStopping

from finetune.recipe import Recipe, names
from finetune.training.lengths import default_patience
from finetune.training.stopping import make_stoppers
from strategies import make_strategy

PLAN = make_strategy("freeze-all").plan([])
WATCHED = [name for name in get_args(names.Monitored) if name != "none"]


def early_stopping(**choices: object) -> list[EarlyStopping]:
    recipe = Recipe.make(epochs=30, **choices)
    stoppers = make_stoppers(recipe, PLAN, n_classes=2, budget_minutes=None)
    return [stopper for stopper in stoppers if isinstance(stopper, EarlyStopping)]


@pytest.mark.parametrize("watched", WATCHED)
def test_a_loss_must_fall_and_a_score_must_rise(watched: str) -> None:
    (stopper,) = early_stopping(early_stopping=watched, patience=7)
    assert (stopper.monitor, stopper.patience) == (watched, 7)
    assert stopper.mode == ("min" if watched in ("val_loss", "train_loss") else "max")


def test_by_default_it_watches_the_score_and_waits_a_third_of_training() -> None:
    (stopper,) = early_stopping()
    assert (stopper.monitor, stopper.mode, stopper.patience) == ("val_score", "max", 10)
    assert [default_patience(epochs) for epochs in (1, 15, 16, 100)] == [5, 5, 6, 34]


def test_none_lets_training_run_to_its_end() -> None:
    assert early_stopping(early_stopping="none") == []


@pytest.mark.parametrize("watched", WATCHED)
def test_what_is_watched_is_there_and_training_that_stands_still_ends(tmp_path: Path, watched: str) -> None:
    choices = {"lr": 1e-12, "weight_decay": 0.0, "augment": "none", "label_smoothing": 0.0}
    _, trained, _ = run(tmp_path, epochs=12, patience=1, early_stopping=watched, **choices)
    expected = "the training loss" if watched == "train_loss" else "validation"
    assert trained.stopped == f"{expected} did not improve any more"
    assert len(trained.rows) < 13


def test_it_does_not_count_while_the_input_still_grows(tmp_path: Path) -> None:
    choices = {"lr": 1e-12, "weight_decay": 0.0, "augment": "none", "label_smoothing": 0.0}
    _, trained, _ = run(tmp_path, epochs=12, patience=1, grow_from=16, **choices)
    assert trained.stopped == "validation did not improve any more"
    # 16, 16, 32 and 32 px: the seventh epoch is the first at full size.
    assert trained.rows[-1].epoch == 7


def test_the_macro_f1_is_written_in_the_last_column_and_on_the_board(tmp_path: Path) -> None:
    _, trained, folder = run(tmp_path, epochs=1, early_stopping="none")
    with folder.metrics.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0])[-1] == "val_macro_f1"
    assert [float(row["val_macro_f1"]) for row in rows] == [row.val_macro_f1 for row in trained.rows]
    shown = [scalars["val_macro_f1"] for _, scalars in read_events(folder.tensorboard)]
    assert shown == pytest.approx([row.val_macro_f1 for row in trained.rows])
