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
    "average-last": ("--strategy", "from-scratch", "--lr", 3e-4, "--seed", 4, "--average-last", 4),
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
        fit_quietly(*command, "--out", folder)
        runs[name] = told(folder)
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
    assert told(run) == undisturbed[name]


@pytest.mark.parametrize("moment", ["mean_weights", "interpolate", "measure_movement"])
def test_an_interruption_after_the_last_epoch_changes_nothing(
    finetune: Finetune,
    commands: dict[str, tuple[object, ...]],
    undisturbed: dict[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(finish_module, moment, interrupted)
        assert finetune("fit", *commands["wise-ft"], "--out", run).code == 130
    assert (run / "bundle").is_dir()
    assert finetune("fit", "--resume", run).code == 0
    assert told(run) == undisturbed["wise-ft"]


def test_the_average_matters(undisturbed: dict[str, dict[str, Any]], tmp_path: Path, finetune: Finetune,
                             commands: dict[str, tuple[object, ...]]) -> None:  # fmt: skip
    """Else the runs above would prove nothing: without the moving average the same run ends elsewhere."""
    words = list(commands["ema"])
    place = words.index("--ema")
    del words[place : place + 2]
    assert finetune("fit", *words, "--out", tmp_path / "run").code == 0
    plain = outcome(tmp_path / "run")
    assert plain["rows"] != undisturbed["ema"]["rows"]
    assert undisturbed["average-last"]["combined"]["averaging"]["epochs"] == [3, 4, 5, 6]
    assert undisturbed["wise-ft"]["combined"]["wise_ft"]["rows"][0]["alpha"] == 0


def test_the_words_at_the_end_name_the_pictures(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    answer = finetune(
        "fit", colours, *tiny, "--strategy", "partial", "--epochs", 1, "--wise-ft", "--out", run
    )
    assert answer.code == 0
    report = json.loads((run / "report.json").read_text())
    alpha = report["wise_ft"]["alpha"]
    assert f"partial (alpha {alpha:g}): " in answer.out
    for name in ("curves.png", "confusion.png", "what_moved.png", "wise_ft.png"):
        assert name in answer.out
        assert (run / name).is_file()
    assert "WiSE-FT: alpha " in (run / "log.txt").read_text()
    assert "averaging" not in report


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--no-head-first",),
            "--wise-ft goes back to the head that is solved first; leave --no-head-first out",
        ),
        (
            ("--batch-norm", "train"),
            "--wise-ft goes between weights that share their batch-norm statistics, but --batch-norm train moves "
            "them; leave one out",
        ),
    ],
)
def test_what_wise_ft_cannot_go_with_is_refused(
    finetune: Finetune, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    answer = finetune("fit", tmp_path, "--strategy", "partial", "--wise-ft", *options)
    assert (answer.code, answer.error) == (2, f"error: {sentence}")
