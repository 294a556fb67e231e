"""Training from kept activations: killed, with the cache gone or spoiled, it comes to the same bits."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from conftest import Finetune, fit_quietly
from killing import draw_hard, kill_when, n_rows, outcome, start

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

EPOCHS = 6


@pytest.fixture(scope="module")
def options(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    data = draw_hard(tmp_path_factory.mktemp("data") / "hard")
    shape = ("--backbone", "test_resnet", "--image-size", 32, "--epochs", EPOCHS, "--batch-size", 8)
    cache = ("--cache", "on", "--views", 4, "--augment", "crop-flip")
    return (data, "--strategy", "partial", "--weights", weights, *shape, *cache)


@pytest.fixture(scope="module")
def undisturbed(options: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINETUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        run = tmp_path_factory.mktemp("undisturbed") / "run"
        fit_quietly(*options, "--out", run)
    return dict(outcome(run))


def keep(_cache: Path) -> None:
    pass


def lose(cache: Path) -> None:
    shutil.rmtree(cache)


def spoil(cache: Path) -> None:
    for path in (cache / "arrays").glob("*/*.bin"):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 3] + b"!" + content[len(content) // 3 + 1 :])


@pytest.mark.parametrize("harm", [keep, lose, spoil])
def test_a_killed_run_comes_to_the_same_bits_whatever_became_of_its_cache(
    finetune: Finetune,
    options: tuple[object, ...],
    undisturbed: dict[str, Any],
    cache_of_the_test: Path,
    tmp_path: Path,
    harm: Any,
) -> None:
    run = tmp_path / "run"
    process = start("fit", *options, "--out", "run", cwd=tmp_path)
    code, _ = kill_when(process, lambda: n_rows(run) >= 3, signal.SIGKILL)
    assert code == -9
    assert list((cache_of_the_test / "arrays").glob("*/rows.bin"))
    harm(cache_of_the_test)
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0, answer.err
    assert "going on after epoch" in answer.err
    assert outcome(run) == undisturbed


def test_a_run_without_room_for_a_cache_warns_once_and_comes_to_the_same_bits(
    finetune: Finetune,
    options: tuple[object, ...],
    undisturbed: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FINETUNE_CACHE_GB", "0")
    answer = finetune("fit", *options, "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    assert answer.err.count("has no room for more") == 1
    assert outcome(tmp_path / "run") == undisturbed


def test_the_filled_recipe_repeats_the_run(
    finetune: Finetune, options: tuple[object, ...], undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(undisturbed["recipe"])
    assert "cache: 'on'" in undisturbed["recipe"]
    answer = finetune("fit", options[0], "--recipe", recipe, "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    assert outcome(tmp_path / "run")["weights"] == undisturbed["weights"]
