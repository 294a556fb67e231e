"""Momentum, mixed batches, pulls towards pretrained weights and other optimizers survive a kill to the bit."""

import signal
from pathlib import Path

import pytest
from conftest import Finetune, fit_quietly
from killing import draw_hard, kill_when, n_rows, outcome, start

EPOCHS = 5
CHOICES = {
    "sgd": ("--strategy", "full-finetune", "--optimizer", "sgd", "--nesterov", "--mixup", 0.3, "--l2-sp", 0.01,
            "--l2", 0.001, "--schedule", "step", "--milestones", "2,4", "--class-balance", "weights"),
    "adan": ("--strategy", "partial", "--optimizer", "adan", "--cutmix", 1.0, "--mixup", 0.5,
             "--schedule", "one-cycle"),
}  # fmt: skip


@pytest.fixture(scope="module")
def shared(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    hard = draw_hard(tmp_path_factory.mktemp("data") / "hard")
    return (hard, "--backbone", "test_resnet", "--weights", weights, "--image-size", 32, "--epochs", EPOCHS,
            "--batch-size", 8, "--workers", 0)  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(shared: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    runs = {name: tmp_path_factory.mktemp("undisturbed") / name for name in CHOICES}
    for name, run in runs.items():
        fit_quietly(*shared, *CHOICES[name], "--out", run)
        losses = [row.split(",")[2] for row in (run / "metrics.csv").read_text().splitlines()[1:]]
        assert len(set(losses)) == EPOCHS + 1, "the weights did not move"
    return runs


@pytest.mark.parametrize("choice", CHOICES)
def test_a_killed_run_comes_to_the_same_bits(
    finetune: Finetune,
    shared: tuple[object, ...],
    undisturbed: dict[str, Path],
    tmp_path: Path,
    choice: str,
) -> None:
    run = tmp_path / "run"
    process = start("fit", *shared, *CHOICES[choice], "--out", "run", cwd=tmp_path)
    code, _ = kill_when(process, lambda: n_rows(run) >= 3, signal.SIGKILL, delay_s=0.02)
    assert code == -9
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0, answer.err
    assert "going on after epoch" in answer.err
    assert outcome(run) == outcome(undisturbed[choice])


def test_the_recipe_that_a_run_leaves_repeats_it(
    finetune: Finetune, shared: tuple[object, ...], undisturbed: dict[str, Path], tmp_path: Path
) -> None:
    recipe = undisturbed["sgd"] / "recipe.yaml"
    assert finetune("fit", shared[0], "--recipe", recipe, "--out", tmp_path / "again").code == 0
    assert outcome(tmp_path / "again") == outcome(undisturbed["sgd"])
