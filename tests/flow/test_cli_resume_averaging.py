"""Averages, the way back to the head alone and what moved survive a kill to the bit."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from conftest import Finetune, fit_quietly
from killing import draw_hard, kill_when, n_rows, outcome, start

import finetune.training.finish as finish_module

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

EPOCHS = 6
CASES: dict[str, tuple[object, ...]] = {
    "ema": ("--strategy", "from-scratch", "--lr", 3e-4, "--ema", 0.9),
    "average-last": ("--strategy", "from-scratch", "--lr", 3e-4, "--average-last", 4),
    "wise-ft": ("--strategy", "full-finetune", "--lr", 1e-4, "--wise-ft", "--average-last", 2),
}
KILLED_AFTER = {"ema": 3, "average-last": 5, "wise-ft": 4}
"""Rows, the one before training included; of the four epochs that are averaged one or two lie before the kill."""


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_hard(tmp_path_factory.mktemp("data") / "hard")


@pytest.fixture(scope="module")
def commands(hard: Path, weights: Path) -> dict[str, tuple[object, ...]]:
    shared = (hard, "--backbone", "test_resnet", "--image-size", 32, "--epochs", EPOCHS, "--batch-size", 8)
    return {
        name: (*shared, "--workers", 0, *own, *(("--weights", weights) if name == "wise-ft" else ()))
        for name, own in CASES.items()
    }


def told(run: Path) -> dict[str, Any]:
    """The outcome, and all that the run says of its averages and of what moved."""
    report = json.loads((run / "report.json").read_text())
    return {
        **outcome(run),
        "combined": {name: report[name] for name in ("averaging", "wise_ft", "accuracy") if name in report},
        "moved": (run / "what_moved.json").read_text(),
        "table": (run / "what_moved.csv").read_text(),
    }


@pytest.fixture(scope="module")
def undisturbed(
    commands: dict[str, tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    runs = {}
    for name, command in commands.items():
        folder = tmp_path_factory.mktemp("undisturbed") / "run"
        answer = fit_quietly(*command, "--out", folder)
        runs[name] = {**told(folder), "said": answer.out}
    return runs


@pytest.mark.parametrize("name", CASES)
def test_a_killed_run_comes_to_the_same_bits(
    finetune: Finetune,
    commands: dict[str, tuple[object, ...]],
    undisturbed: dict[str, dict[str, Any]],
    tmp_path: Path,
    name: str,
) -> None:
    run = tmp_path / "run"
    process = start("fit", *commands[name], "--out", "run", cwd=tmp_path)
    code, _ = kill_when(process, lambda: n_rows(run) >= KILLED_AFTER[name], signal.SIGKILL)
    assert code == -9
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0, answer.err
    assert "going on after epoch" in answer.err
    assert {**told(run), "said": undisturbed[name]["said"]} == undisturbed[name]


def test_an_interruption_after_the_last_epoch_changes_nothing(
    finetune: Finetune,
    commands: dict[str, tuple[object, ...]],
    undisturbed: dict[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The model holds an average then, which nothing may take for its last epoch."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(finish_module, "interpolate", interrupted)
        assert finetune("fit", *commands["wise-ft"], "--out", run).code == 130
    assert (run / "bundle").is_dir()
    assert finetune("fit", "--resume", run).code == 0
    assert {**told(run), "said": undisturbed["wise-ft"]["said"]} == undisturbed["wise-ft"]


def test_the_average_matters(undisturbed: dict[str, dict[str, Any]]) -> None:
    """Else the runs above would prove nothing: the same training without the moving average scores otherwise."""
    assert undisturbed["ema"]["rows"] != undisturbed["average-last"]["rows"]
    assert undisturbed["average-last"]["combined"]["averaging"]["epochs"] == [3, 4, 5, 6]
    assert undisturbed["wise-ft"]["combined"]["averaging"]["epochs"] == [5, 6]


def test_the_words_at_the_end_name_alpha_and_the_pictures(undisturbed: dict[str, dict[str, Any]]) -> None:
    found = undisturbed["wise-ft"]
    assert f"full-finetune (alpha {found['combined']['wise_ft']['alpha']:g}): " in found["said"]
    for name in ("curves.png", "confusion.png", "what_moved.png", "wise_ft.png"):
        assert f"/{name}" in found["said"]
    for run in ("ema", "average-last"):
        assert "/what_moved.png" in undisturbed[run]["said"]
        assert "alpha" not in undisturbed[run]["said"]
