"""Runs with the loop's own choices, killed in the middle, come to the bits of runs that nobody disturbed."""

import os
import random
import signal
from pathlib import Path

import pytest
from conftest import Finetune, fit_quietly
from killing import draw_hard, kill_when, n_rows, outcome, start

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

EPOCHS = 6
CHOICES: dict[str, tuple[object, ...]] = {
    "accumulate, sampler, bf16": (
        *("--strategy", "from-scratch", "--lr", 3e-4, "--accumulate", 3, "--class-balance", "sampler"),
        *("--precision", "bf16", "--clip-norm", 0.5, "--early-stopping", "val_macro_f1"),
    ),
    "unfreeze-at, train_loss": (
        *("--strategy", "full-finetune", "--unfreeze-at", 2, "--early-stopping", "train_loss"),
        *("--patience", 2, "--deterministic"),
    ),
    "grow-from": ("--strategy", "partial", "--grow-from", 16, "--ema", 0.9, "--batch-norm", "train"),
}


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Classes of 20, 20 and 8 images."""
    root = draw_hard(tmp_path_factory.mktemp("data") / "hard")
    for number in range(8, 20):
        (root / "c" / f"{number}.png").unlink()
    return root


@pytest.mark.parametrize("name", CHOICES)
def test_a_killed_run_comes_to_the_same_bits(
    finetune: Finetune, hard: Path, weights: Path, tmp_path: Path, name: str
) -> None:
    source = () if "from-scratch" in CHOICES[name] else ("--weights", weights)
    shared = (hard, "--backbone", "test_resnet", "--image-size", 32, "--epochs", EPOCHS, "--batch-size", 4)
    command = (*shared, *source, *CHOICES[name], "--workers", 0)
    fit_quietly(*command, "--out", tmp_path / "whole")
    chance = random.Random(name)
    rows, delay_s = chance.randint(3, EPOCHS - 1), chance.uniform(0, 0.08)
    run = tmp_path / "run"
    process = start("fit", *command, "--out", "run", cwd=tmp_path)
    code, _ = kill_when(process, lambda: n_rows(run) >= rows, signal.SIGKILL, delay_s=delay_s)
    assert code == -9
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0, answer.err
    assert "going on after epoch" in answer.err
    assert outcome(run) == outcome(tmp_path / "whole")


def test_the_rate_that_was_found_is_kept_when_the_run_goes_on(
    finetune: Finetune, hard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import finetune.training.complete as complete_module

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    run = tmp_path / "run"
    command = (hard, "--backbone", "test_resnet", "--image-size", 32, "--strategy", "from-scratch")
    with monkeypatch.context() as patched:
        patched.setattr(complete_module, "put_bundle", interrupted)
        assert finetune("fit", *command, "--epochs", 1, "--find-lr", "--out", run).code == 130
    recipe = (run / "recipe.yaml").read_text()
    assert "find_lr" not in recipe
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0, answer.err
    assert "learning rate" not in answer.err
    assert (run / "recipe.yaml").read_text() == recipe
    assert (run / "lr_finder.png").is_file()


def test_fp16_without_a_gpu_is_refused_before_any_image_is_looked_at(
    finetune: Finetune, hard: Path, tmp_path: Path
) -> None:
    answer = finetune("fit", hard, "--precision", "fp16", "--out", tmp_path / "run")
    assert answer.code == 2
    assert answer.error.startswith("error: --precision fp16 needs a CUDA GPU")
    assert "checking images" not in answer.err
