"""A race trains a little of each promising strategy, keeps what it trained, and its winner goes on from there."""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from conftest import Finetune, draw_colours
from killing import draw_hard, n_rows, outcome
from learners import Heard
from outlooks import NAMES, best_is, table_of

from finetune.advice.forecast import ForecastTable, Remaining
from finetune.errors import Interrupted, OptionError, RunError
from finetune.progress import Advance
from finetune.recipe import Recipe
from finetune.training.race import Race, go_on, is_finished, planned, race
from finetune.training.train import fit

EPOCHS = 4
AT_ONCE = 1e-6
"""Minutes in which each contender runs one epoch, the least."""
TWO = {**dict.fromkeys(NAMES, -1.0), "partial": 2.0, "full-finetune": 1.9, "from-scratch": -6.0}
ROWS = (Remaining(0.0, 0.4, 0.3), Remaining(1.0, 0.0, 0.1))


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_hard(tmp_path_factory.mktemp("data") / "hard")


@pytest.fixture
def two_run(with_table: Callable[[ForecastTable], None]) -> None:
    """`partial` and `full-finetune` are close, the others far behind."""
    with_table(table_of(TWO, noise=0.09, remaining=dict.fromkeys(("partial", "full-finetune"), ROWS)))


@pytest.fixture
def recipe(weights: Path) -> Recipe:
    return Recipe.make(
        backbone="test_resnet",
        weights=str(weights),
        image_size=32,
        workers=0,
        epochs=EPOCHS,
        batch_size=8,
        augment="none",
    )


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return found


def test_two_run_an_epoch_each_and_the_winner_goes_on_to_what_it_would_have_been(
    hard: Path, recipe: Recipe, two_run: None, tmp_path: Path
) -> None:
    found = race(hard, recipe, minutes=AT_ONCE, out=tmp_path / "race")
    assert list(found.runs) == ["partial", "full-finetune"]
    for run in found.runs.values():
        assert (record(run)["epochs_done"], record(run)["state"]) == (1, "interrupted")
        assert n_rows(run) == 2
    outlook = found.advice.outlook
    assert outlook is not None
    assert [(rung.contender, rung.epochs_done, rung.epochs) for rung in outlook.rungs] == [
        ("partial", 1, EPOCHS),
        ("full-finetune", 1, EPOCHS),
    ]
    assert all(rung.head_is_fitted for rung in outlook.rungs)
    summary = json.loads((tmp_path / "race" / "race.json").read_text(encoding="utf-8"))
    assert summary["strategy"] == found.advice.strategy == outlook.decision.strategy
    assert summary["next"] == found.command == f"finetune fit --resume {found.winner}"
    assert [rung["contender"] for rung in summary["race"]] == list(found.runs)
    assert "A race saw, on " in found.advice.reason

    heard = Heard()
    finished = go_on(found, offline=True, reporter=heard)
    assert finished.folder.path == found.winner
    assert finished.report.strategy == found.advice.strategy
    assert any("going on after epoch 1" in sentence for sentence in heard.said)
    alone = recipe.with_changes(strategy=found.advice.strategy)
    fit(hard, alone, out=tmp_path / "alone")
    assert outcome(finished.folder.path) == outcome(tmp_path / "alone")
    assert found.command == "", "there is nothing to go on with any more"
    # Asking for it again gives what is there.
    again = go_on(found, offline=True, reporter=heard)
    assert again.report.metrics == finished.report.metrics
    assert again.report.sentence() == finished.report.sentence()
    assert again.recipe == finished.recipe


def test_a_winner_that_needs_no_race_is_made_by_the_command_and_in_the_folder(
    colours: Path,
    recipe: Recipe,
    with_table: Callable[[ForecastTable], None],
    finetune: Finetune,
    tmp_path: Path,
) -> None:
    with_table(best_is("multi-stage"))
    # What the command has no word for is as it comes.
    asked = recipe.with_changes(seed=3, workers=None, batch_size=None, augment=None)
    found = race(colours, asked, minutes=AT_ONCE, out=tmp_path / "race")
    assert len(found.runs) == 1, "the likeliest of the others runs all the same"
    assert found.winner is None
    words = shlex.split(found.command)
    assert words[:3] == ["finetune", "fit", str(colours)]
    answer = finetune(*words[1:], "--out", tmp_path / "by-command", "--json")
    assert answer.code == 0, answer.err
    finished = go_on(found, offline=True, reporter=Heard())
    assert finished.folder.path == tmp_path / "race" / "multi-stage"
    assert (finished.recipe.strategy, finished.recipe.head) == ("freeze-all", "multi-stage")
    theirs = Recipe.read(tmp_path / "by-command" / "recipe.yaml")
    assert theirs.with_changes(workers=None) == finished.recipe.with_changes(workers=None)


class Signalling(Heard):
    """A reporter that sends SIGINT to this process when the ``number``-th training has begun."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number

    def track(self, title: str) -> AbstractContextManager[Advance]:
        if title == "training":
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGINT)
        return super().track(title)


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_an_interrupted_race_goes_on_where_it_was(
    hard: Path, recipe: Recipe, two_run: None, finetune: Finetune, tmp_path: Path
) -> None:
    folder = tmp_path / "my race"
    with pytest.raises(Interrupted, match="or go on with the whole race: finetune advise") as raised:
        race(hard, recipe, minutes=AT_ONCE, out=folder, reporter=Signalling(2))
    assert record(folder / "partial")["epochs_done"] == 1
    assert not (folder / "race.json").exists()
    begun, kept = record(folder / "partial")["started"], (folder / "partial" / "log.txt").read_text()
    command = shlex.split(str(raised.value).rpartition("whole race: ")[2])
    assert command[command.index("--out") + 1] == str(folder)

    found = race(hard, recipe, minutes=AT_ONCE, out=folder)
    assert [record(run)["epochs_done"] for run in found.runs.values()] == [1, 1]
    assert record(folder / "partial")["started"] == begun
    assert (folder / "partial" / "log.txt").read_text() == kept, "what was trained is not trained again"
    whole = race(hard, recipe, minutes=AT_ONCE, out=tmp_path / "whole")
    assert found.advice.outlook is not None
    assert whole.advice.outlook is not None
    assert found.advice.outlook.rungs == whole.advice.outlook.rungs


def test_more_minutes_train_what_is_left_of_them(
    hard: Path, recipe: Recipe, two_run: None, tmp_path: Path
) -> None:
    race(hard, recipe, minutes=AT_ONCE, out=tmp_path / "race")
    found = race(hard, recipe, minutes=1e6, out=tmp_path / "race")
    assert all(is_finished(run) for run in found.runs.values())
    assert found.command == ""
    outlook = found.advice.outlook
    assert outlook is not None
    assert all(rung.epochs_done == rung.epochs for rung in outlook.rungs)
    finished = go_on(found, offline=True, reporter=Heard())
    written = json.loads(finished.folder.report.read_text(encoding="utf-8"))
    assert finished.report.to_json() == written | {"seconds": pytest.approx(written["seconds"], abs=0.05)}


def test_a_race_that_began_with_other_choices_is_not_gone_on_with(
    hard: Path, recipe: Recipe, two_run: None, tmp_path: Path
) -> None:
    race(hard, recipe, minutes=AT_ONCE, out=tmp_path / "race")
    with pytest.raises(RunError, match="began with another --seed; give the same choices, or another --out"):
        race(hard, recipe.with_changes(seed=1), minutes=AT_ONCE, out=tmp_path / "race")


def test_a_head_that_is_not_fitted_first_does_not_stand_for_freezing(
    hard: Path, recipe: Recipe, two_run: None, tmp_path: Path
) -> None:
    fresh = recipe.with_changes(head_first=False, epochs=1)
    outlook = race(hard, fresh, minutes=AT_ONCE, out=tmp_path / "race").advice.outlook
    assert outlook is not None
    assert not any(rung.head_is_fitted for rung in outlook.rungs)


def test_from_scratch_takes_part_where_it_may_be_the_best_and_takes_no_weights(
    hard: Path, recipe: Recipe, with_table: Callable[[ForecastTable], None], tmp_path: Path
) -> None:
    with_table(best_is("from-scratch"))
    found = race(hard, recipe.with_changes(epochs=2), minutes=AT_ONCE, out=tmp_path / "race")
    assert list(found.runs) == ["from-scratch"]
    assert record(found.runs["from-scratch"])["recipe"]["weights"] == "none"


def test_each_runs_its_share_of_the_epochs(
    hard: Path, recipe: Recipe, two_run: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetune.training.prepare import prepare

    prepared = prepare(hard, recipe, offline=True, reporter=Heard())
    assert prepared.advice is not None
    assert prepared.advice.outlook is not None
    costs = prepared.advice.outlook.costs
    total_s = costs["partial"].seconds + costs["full-finetune"].seconds
    plan = planned(prepared, recipe, 0.501 * total_s / 60)
    assert plan == {"partial": (2, EPOCHS), "full-finetune": (2, EPOCHS)}
    assert planned(prepared, recipe, 10 * total_s / 60)["partial"] == (EPOCHS, EPOCHS)


@pytest.mark.parametrize(
    ("changes", "kind", "sentence"),
    [
        ({"strategy": "partial"}, OptionError, "a race chooses the strategy, but --strategy is partial"),
        (
            {"weights": "none"},
            OptionError,
            "a race compares what pretrained weights are worth, and there are none",
        ),
    ],
    ids=["strategy", "weights"],
)
def test_what_leaves_nothing_to_race_for_is_refused(
    hard: Path, recipe: Recipe, tmp_path: Path, changes: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        race(hard, recipe.with_changes(**changes), minutes=1, out=tmp_path / "race")
    assert not (tmp_path / "race").exists()


def test_a_folder_that_is_no_race_or_lies_among_the_images_is_refused(
    recipe: Recipe, two_run: None, tmp_path: Path
) -> None:
    data = draw_colours(tmp_path / "data", {"a": 8, "b": 8})
    with pytest.raises(OptionError, match="would lie inside the data set"):
        race(data, recipe, minutes=AT_ONCE, out=data / "race")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(RunError, match="is not empty"):
        race(data, recipe, minutes=AT_ONCE, out=tmp_path / "full")


def test_the_command_line_races_and_says_how_to_go_on(
    finetune: Finetune, hard: Path, tiny: tuple[str, ...], two_run: None, tmp_path: Path
) -> None:
    folder = tmp_path / "race"
    answer = finetune("advise", hard, *tiny[:6], "--race", 0.1, "--out", folder)
    assert answer.code == 0, answer.err
    assert "race: partial for" in answer.err
    assert answer.out.splitlines()[-1].startswith(
        ("go on with the winner: finetune fit --resume", "trained: ")
    )
    values = finetune("advise", hard, *tiny[:6], "--race", 0.1, "--out", folder, "--json").json
    assert values["race_folder"] == str(folder)
    assert set(values["runs"]) == {"partial", "full-finetune"}
    assert values["strategy"] in values["runs"]


def test_fit_races_and_trains_the_winner_to_its_end(
    finetune: Finetune, hard: Path, tiny: tuple[str, ...], two_run: None, tmp_path: Path
) -> None:
    choices = ("--epochs", 2, "--batch-size", 16)
    answer = finetune("fit", hard, *tiny, *choices, "--race", 0.1, "--out", tmp_path / "race", "--json")
    assert answer.code == 0, answer.err
    report = answer.json
    assert report["run"] == str(tmp_path / "race" / report["strategy"])
    assert record(Path(report["run"]))["state"] == "finished"
    assert f"race won by {report['strategy']}: " in answer.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("advise", "--race", 0.01), "--race"),
        (("advise", "--out", "x"), "--out is the folder of a race; add --race MINUTES, or leave it out"),
        (
            ("fit", "--strategy", "partial", "--race", 1),
            "a race chooses the strategy, but --strategy is partial",
        ),
    ],
    ids=["too short", "no race", "strategy"],
)
def test_the_command_line_refuses_in_one_sentence(
    finetune: Finetune, hard: Path, tiny: tuple[str, ...], words: tuple[object, ...], sentence: str
) -> None:
    answer = finetune(words[0], hard, *tiny[:4], *words[1:])
    assert answer.code == 2
    assert sentence in answer.error


def test_a_race_cannot_be_asked_of_a_run_that_goes_on(finetune: Finetune, tmp_path: Path) -> None:
    answer = finetune("fit", "--resume", tmp_path, "--race", 1)
    assert (answer.code, "--race has no effect with --resume" in answer.error) == (2, True)


def test_the_race_is_the_one_that_is_shown(hard: Path, recipe: Recipe, two_run: None, tmp_path: Path) -> None:
    found: Race = race(hard, recipe, minutes=AT_ONCE, out=tmp_path / "race")
    assert json.loads(json.dumps(found.to_json())) == json.loads(
        (tmp_path / "race" / "race.json").read_text(encoding="utf-8")
    )
