"""Your own trainings refine the forecasts; their file may be off, damaged, shared or out of reach."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from outlooks import MEASURES, SIZES, table_of

from finetune.advice.evidence import Sizes
from finetune.advice.experience import Training, learnt_from
from finetune.advice.forecast import forecast
from finetune.errors import ResourceError
from finetune.evaluation.metrics import Metrics
from finetune.evaluation.report import Report
from finetune.recipe import Recipe
from finetune.training.experience import (
    MOST_TRAININGS,
    data_key,
    experience_file,
    forget,
    note_measures,
    note_training,
    own_trainings,
)
from finetune.training.run_record import RunRecord, new_record

ONE = Training("set resnet18 224 abc partial 0", "partial", SIZES, MEASURES, 0.93, 400)
KEY = data_key("set", "resnet18", 224, "abc")


def line_of(training: Training) -> str:
    return json.dumps({"kind": "trained", **training.to_json()}) + "\n"


def write(file: Path, *lines: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(lines), encoding="utf-8")


def test_what_was_learnt_is_the_table_after_each_training() -> None:
    table = table_of()
    learnt = learnt_from(table, [ONE, replace(ONE, accuracy=0.95)])
    by_hand = table.learn("partial", SIZES, MEASURES, 0.93, n=400).learn(
        "partial", SIZES, MEASURES, 0.95, n=400
    )
    assert forecast(learnt, SIZES, MEASURES) == forecast(by_hand, SIZES, MEASURES)
    before, after = (forecast(one, SIZES, MEASURES)["partial"].accuracy for one in (table, learnt))
    assert before < after < 0.95


def test_nothing_and_nobody_known_teach_nothing() -> None:
    table = table_of()
    assert learnt_from(table, []) is table
    assert learnt_from(table, [replace(ONE, contender="somebody-else")]) is table


def test_a_training_comes_back_from_json() -> None:
    assert Training.from_json(json.loads(json.dumps(ONE.to_json()))) == ONE


@pytest.mark.parametrize(
    "changes",
    [
        {"accuracy": 1.2},
        {"accuracy": -0.1},
        {"accuracy": math.nan},
        {"accuracy": None},
        {"n_judged": 0},
        {"sizes": {"n_train": 0, "n_classes": 2}},
        {"sizes": {"n_train": 10, "n_classes": 0}},
        {"sizes": []},
        {"measures": None},
        {"measures": {}},
        {"measures": {**MEASURES.to_json(), "last_layer": math.nan}},
        {"measures": {**MEASURES.to_json(), "last_layer": 70}},
        {"measures": {**MEASURES.to_json(), "n_images": 0}},
        {"measures": {**MEASURES.to_json(), "neighbours": "many"}},
        {"measures": {**MEASURES.to_json(), "shift": 3}},
        {"measures": {**MEASURES.to_json(), "shift": [-2.0, 0.1]}},
        {"measures": {**MEASURES.to_json(), "stages": []}},
        {"measures": {**MEASURES.to_json(), "gain": {"value": 1}}},
    ],
)
def test_a_training_that_cannot_be_is_passed_over(experience: Path, changes: dict[str, Any]) -> None:
    values = {"kind": "trained", **ONE.to_json(), **changes}
    write(experience, line_of(ONE), json.dumps({**values, "key": "other"}) + "\n")
    assert own_trainings() == [ONE]
    learnt_from(table_of(by_reading={"shift_early": {}, "peak_stage": {}}), own_trainings())


def test_damaged_lines_are_passed_over(experience: Path) -> None:
    write(
        experience,
        "\n",
        "no json\n",
        '{"kind": "trained"}\n',
        "[1, 2]\n",
        '"text"\n',
        line_of(ONE)[:200] + "\n",
        line_of(ONE),
        '{"kind": "measured", "key": 1}\n',
    )
    with experience.open("ab") as out:
        out.write(b"\xff\xfe\x00\n" + line_of(replace(ONE, key="later")).encode())
    assert [one.key for one in own_trainings()] == [ONE.key, "later"]


def test_the_newest_of_one_key_counts_and_keeps_its_place(experience: Path) -> None:
    second, again = replace(ONE, key="second"), replace(ONE, accuracy=0.5)
    write(experience, line_of(ONE), line_of(second), line_of(again))
    assert own_trainings() == [second, again]


def test_only_the_newest_are_learnt_from(experience: Path) -> None:
    write(experience, *(line_of(replace(ONE, key=str(i))) for i in range(MOST_TRAININGS + 5)))
    found = own_trainings()
    assert len(found) == MOST_TRAININGS
    assert found[-1].key == str(MOST_TRAININGS + 4)


@pytest.mark.parametrize("word", ["off", "OFF"])
def test_it_can_be_switched_off(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUNE_EXPERIENCE", word)
    assert experience_file() is None
    assert own_trainings() == []
    assert forget() == 0
    note_measures(KEY, SIZES, MEASURES)


def test_the_file_lies_where_it_is_named_or_in_the_user_s_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FINETUNE_EXPERIENCE", "~/mine.jsonl")
    assert experience_file() == tmp_path / "mine.jsonl"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("FINETUNE_EXPERIENCE", "")
    assert experience_file() == tmp_path / "data" / "finetune-strategies" / "experience.jsonl"


def record(**changes: Any) -> RunRecord:
    """A run whose images, backbone and weights are those of `ONE`."""
    recipe = Recipe.make(strategy="partial", backbone="resnet18", weights="hub", image_size=224, epochs=3)
    made = new_record("data", recipe, offline=True)
    known = {"fingerprint": "set", "weights_sha256": "abc", "recipe": recipe.model_dump(mode="json")}
    return made.model_copy(update={**known, **changes})


def report(strategy: str = "partial", *, selection_split: str | None = "val", seed: int = 0) -> Report:
    metrics = Metrics(400, 372, 0.93, (0.9, 0.95), 0.93, 0.93, 0.2, 0.25, ((200, 0), (28, 172)))
    return Report(
        strategy=strategy,
        strategy_requested=strategy,
        backbone="resnet18",
        weights={},
        metrics=metrics,
        accuracy_split="test",
        selection_split=selection_split,
        n_images={"train": 800, "val": 100, "test": 400},
        class_names=("a", "b"),
        trainable_share=0.5,
        image_size=224,
        seconds_by_phase={},
        seed=seed,
        stopped="",
        advice=None,
        quarantined=0,
    )


def test_a_finished_training_is_noted_with_what_was_measured_on_its_data(experience: Path) -> None:
    note_measures(KEY, SIZES, MEASURES)
    note_training(record(), Recipe.make(strategy="partial"), report())
    assert own_trainings() == [ONE]
    # The same again replaces it; another seed is another training.
    note_training(record(), Recipe.make(strategy="partial"), report())
    note_training(record(), Recipe.make(strategy="partial", seed=1), report(seed=1))
    assert [one.key for one in own_trainings()] == [ONE.key, ONE.key[:-1] + "1"]


@pytest.mark.parametrize(
    "asked",
    [{"epochs": 3}, {"lr": 0.01}, {"augment": "strong"}, {"max_minutes": 1.0}, {"head": "cosine"}],
    ids=lambda asked: next(iter(asked)),
)
def test_a_strategy_that_did_not_run_as_it_comes_is_not_noted(
    experience: Path, asked: dict[str, Any]
) -> None:
    note_measures(KEY, SIZES, MEASURES)
    note_training(record(), Recipe.make(strategy="partial", **asked), report())
    assert own_trainings() == []


def test_without_measures_of_the_data_nothing_is_noted(experience: Path) -> None:
    note_training(record(), Recipe.make(strategy="partial"), report())
    note_measures(data_key("another", "resnet18", 224, "abc"), SIZES, MEASURES)
    note_training(record(), Recipe.make(strategy="partial"), report())
    assert own_trainings() == []


def test_an_accuracy_that_chose_the_epoch_is_not_noted(experience: Path) -> None:
    note_measures(KEY, SIZES, MEASURES)
    on_val = replace(report(), accuracy_split="val")
    note_training(record(), Recipe.make(strategy="partial"), on_val)
    assert own_trainings() == []
    note_training(record(), Recipe.make(strategy="partial"), replace(on_val, selection_split=None))
    assert len(own_trainings()) == 1


def test_a_training_from_random_weights_has_the_measures_of_any(experience: Path) -> None:
    note_measures(KEY, SIZES, MEASURES)
    recipe = Recipe.make(strategy="from-scratch", backbone="resnet18", weights="none", image_size=224)
    scratch = record(weights_sha256="", recipe=recipe.model_dump(mode="json"))
    note_training(scratch, Recipe.make(strategy="from-scratch"), report("from-scratch"))
    assert [(one.contender, one.measures) for one in own_trainings()] == [("from-scratch", MEASURES)]


def test_measures_without_what_they_should_hold_are_passed_over(experience: Path) -> None:
    write(experience, json.dumps({"kind": "measured", "key": KEY}) + "\n")
    note_training(record(), Recipe.make(strategy="partial"), report())
    assert own_trainings() == []


def test_the_newest_measures_of_the_data_count(experience: Path) -> None:
    note_measures(KEY, SIZES, MEASURES)
    newer = replace(MEASURES, last_layer=0.75)
    note_measures(KEY, Sizes(801, 4), newer)
    note_training(record(), Recipe.make(strategy="partial"), report())
    (one,) = own_trainings()
    assert (one.measures, one.sizes) == (newer, Sizes(801, 4))


def test_a_line_that_was_cut_off_costs_itself_alone(experience: Path) -> None:
    write(experience, line_of(ONE), line_of(replace(ONE, key="cut"))[:100])
    note_measures(KEY, SIZES, MEASURES)
    note_training(record(), Recipe.make(strategy="partial", seed=5), report(seed=5))
    assert [one.key for one in own_trainings()] == [ONE.key, ONE.key[:-1] + "5"]


APPENDING = """
import sys
from finetune.training.experience import _append
for number in range(40):
    _append("trained", {"key": f"{sys.argv[1]} {number}", "padding": "x" * 5000})
"""


def test_two_processes_that_append_at_once_lose_nothing(experience: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", APPENDING, name]) for name in ("one", "two")]
    assert [process.wait(timeout=240) for process in processes] == [0, 0]
    lines = [json.loads(line) for line in experience.read_text(encoding="utf-8").splitlines()]
    assert sorted(line["key"] for line in lines) == sorted(
        f"{name} {i}" for name in ("one", "two") for i in range(40)
    )


def test_a_place_that_cannot_be_written_to_costs_the_experience_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place in (tmp_path / "file" / "below.jsonl", tmp_path):
        monkeypatch.setenv("FINETUNE_EXPERIENCE", str(place))
        note_measures(KEY, SIZES, MEASURES)
        note_training(record(), Recipe.make(strategy="partial"), report())
        assert own_trainings() == []


def test_forgetting_removes_the_file_and_says_how_many_it_held(experience: Path) -> None:
    assert forget() == 0
    write(experience, line_of(ONE), line_of(replace(ONE, key="second")))
    assert forget() == 2
    assert not experience.exists()
    assert own_trainings() == []


def test_what_cannot_be_forgotten_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUNE_EXPERIENCE", str(tmp_path))
    with pytest.raises(ResourceError, match=r"cannot remove .*; check its permissions"):
        forget()
