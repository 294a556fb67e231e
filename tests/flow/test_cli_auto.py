"""The strategy is chosen by what was measured: every cell of the square, through the command line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import Finetune, draw_colours, finetune_process
from PIL import Image

from finetune.advice import advise, rules
from finetune.advice.similarity import TransferGain, measure_transfer_gain
from finetune.training import prepare

LARGE_HERE = 16


@pytest.fixture
def large_from_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row of the square is a matter of one number; here 16 images are many."""
    for module in (rules, advise):
        monkeypatch.setattr(module, "LARGE_FROM_IMAGES", LARGE_HERE)


@pytest.fixture(scope="session")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pure noise under random labels: no feature of any network can help."""
    generator = np.random.default_rng(3)
    root = tmp_path_factory.mktemp("data") / "noise"
    for label in ("x", "y"):
        (root / label).mkdir(parents=True)
        for i in range(14):
            pixels = generator.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / label / f"{i}.png")
    return root


@pytest.fixture
def measured_gain(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let everything be measured as usual, then report another gain."""

    def report(value: float) -> None:
        def changed(*arguments: Any, **options: Any) -> TransferGain:
            return replace(measure_transfer_gain(*arguments, **options), value=value)

        monkeypatch.setattr(prepare, "measure_transfer_gain", changed)

    return report


def chosen(finetune: Finetune, data: Path, tmp_path: Path, *options: object) -> dict[str, Any]:
    """Fit with ``auto`` and return the report, after the checks that hold for every cell."""
    run = tmp_path / "run"
    answer = finetune("fit", data, "--workers", 0, "--image-size", 32, *options, "--out", run, "--json")
    assert answer.code == 0, answer.err
    report: dict[str, Any] = answer.json
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    assert report["strategy_requested"] == "auto"
    assert report["strategy"] == recipe["strategy"] == report["advice"]["strategy"]
    assert "auto" not in (recipe["backbone"], recipe["weights"])
    assert f"strategy {report['strategy']}: {report['advice']['reason']}" in answer.err
    assert f"So {report['strategy']}: " in report["advice"]["reason"]
    assert "The runner-up is " in report["advice"]["reason"]
    return report


def test_small_and_similar_keeps_everything_frozen(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    report = chosen(finetune, colours, tmp_path, *tiny)
    assert report["strategy"] == "freeze-all"
    assert report["advice"]["cell"] == {"size": "small", "similarity": "similar"}


def test_small_and_different_trains_the_high_layers(
    finetune: Finetune,
    colours: Path,
    tiny: tuple[str, ...],
    measured_gain: Callable[[float], None],
    tmp_path: Path,
) -> None:
    measured_gain(0.3)
    report = chosen(finetune, colours, tmp_path, *tiny, "--epochs", 1)
    assert report["strategy"] == "partial"
    assert report["advice"]["cell"] == {"size": "small", "similarity": "different"}
    reason = report["advice"]["reason"]
    assert f"try another backbone than test_resnet (finetune backbones --rank {colours} says" in reason
    assert f"add or augment data (finetune fit {colours} --strategy partial --augment medium" in reason


def test_small_and_useless_trains_the_high_layers(
    finetune: Finetune, noise: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    report = chosen(finetune, noise, tmp_path, *tiny, "--epochs", 1)
    assert report["strategy"] == "partial"
    assert report["advice"]["rule"] == "small-useless"
    assert report["advice"]["similarity"]["value"] < 0.15


def test_large_and_similar_trains_everything(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], large_from_few: None, tmp_path: Path
) -> None:
    report = chosen(finetune, colours, tmp_path, *tiny, "--epochs", 1)
    assert report["strategy"] == "full-finetune"
    assert report["advice"]["cell"] == {"size": "large", "similarity": "similar"}


def test_large_and_different_trains_everything(
    finetune: Finetune,
    colours: Path,
    tiny: tuple[str, ...],
    large_from_few: None,
    measured_gain: Callable[[float], None],
    tmp_path: Path,
) -> None:
    measured_gain(0.3)
    report = chosen(finetune, colours, tmp_path, *tiny, "--epochs", 1)
    assert report["strategy"] == "full-finetune"
    assert report["advice"]["cell"] == {"size": "large", "similarity": "different"}


def test_large_and_useless_starts_from_scratch(
    finetune: Finetune, noise: Path, tiny: tuple[str, ...], large_from_few: None, tmp_path: Path
) -> None:
    report = chosen(finetune, noise, tmp_path, *tiny, "--epochs", 1)
    assert report["strategy"] == "from-scratch"
    assert report["advice"]["rule"] == "large-useless"
    assert report["weights"]["source"] == "none"
    assert report["trainable_share"] == 1
    recipe = tmp_path / "run" / "recipe.yaml"
    assert yaml.safe_load(recipe.read_text())["weights"] == "none"
    again = finetune("fit", noise, "--recipe", recipe, "--out", tmp_path / "again", "--json")
    assert again.json["accuracy"] == report["accuracy"]


def test_options_that_the_advised_strategy_cannot_use_get_one_note(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    training = ("--epochs", 3, "--lr", 0.01, "--batch-size", 8)
    answer = finetune("fit", colours, *tiny, *training, "--out", tmp_path / "run")
    assert answer.code == 0
    assert f"runner-up: finetune fit {colours} --strategy partial" in answer.out.splitlines()[-1]
    assert "--backbone test_resnet --image-size 32" in answer.out.splitlines()[-1]
    notes = [line for line in answer.err.splitlines() if "not used" in line]
    assert notes == [
        "note: --epochs, --batch-size, --lr not used: freeze-all solves its head on fixed features and has no "
        "training steps"
    ]


def test_without_any_weights_auto_starts_from_scratch(
    finetune: Finetune, colours: Path, random_tiny: tuple[str, ...], tmp_path: Path
) -> None:
    weightless = ("--weights", "none", "--epochs", 1)
    answer = finetune("fit", colours, *random_tiny, *weightless, "--out", tmp_path / "run", "--json")
    assert answer.json["strategy"] == "from-scratch"
    assert answer.json["strategy_requested"] == "auto"
    assert "strategy from-scratch: without pretrained weights there is nothing to keep" in answer.err


def test_advice_has_the_promised_keys(finetune: Finetune, colours: Path, tiny: tuple[str, ...]) -> None:
    answer = finetune("advise", colours, *tiny[:4], "--json")
    assert answer.code == 0
    advice = answer.json
    assert set(advice) >= {
        "strategy",
        "runner_up",
        "cell",
        "size",
        "similarity",
        "rule",
        "reason",
        "warnings",
    }
    assert set(advice["cell"]) == {"size", "similarity"}
    assert advice["size"] == {"n": 32, "per_class": 10.7, "smallest": 10}
    assert advice["similarity"]["name"] == "transfer_gain"
    assert "uncertain" in advice["warnings"][0]


def test_advice_shows_the_square_with_the_cell_marked(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...]
) -> None:
    answer = finetune("advise", colours, *tiny[:4])
    assert answer.out.startswith("strategy: freeze-all   runner-up: partial\n")
    (small,) = [line for line in answer.out.splitlines() if "small (< 5,000)" in line]
    assert small.index("● freeze-all") < small.index("partial")
    assert answer.out.count("●") == 1


def test_the_commands_in_the_advice_survive_a_path_with_blanks(
    finetune: Finetune,
    tiny: tuple[str, ...],
    measured_gain: Callable[[float], None],
    tmp_path: Path,
) -> None:
    measured_gain(0.3)
    data = draw_colours(tmp_path / "my photos", {"a": 8, "b": 8})
    answer = finetune("advise", data, *tiny[:4])
    assert f"finetune backbones --rank '{data}' " in answer.out


def test_advice_without_weights_cannot_be(finetune: Finetune, colours: Path) -> None:
    answer = finetune("advise", colours, "--weights", "none")
    assert answer.code == 2
    assert "--weights none cannot be advised on" in answer.error


def test_offline_and_without_a_cache_the_packaged_backbone_is_taken_and_the_reason_given(
    colours: Path, tmp_path: Path
) -> None:
    command = ("fit", colours, "--image-size", 32, "--offline", "--json", "--workers", 0)
    answer = finetune_process(*command, cwd=tmp_path, HF_HOME=str(tmp_path / "hub"))
    assert answer.code == 0, answer.err
    report = json.loads(answer.out)
    assert report["backbone"] == "tf_efficientnet_lite0"
    assert report["weights"]["source"] == "packaged"
    assert answer.err.startswith(
        "backbone tf_efficientnet_lite0: offline and resnet18 is not in the local cache"
    )
    assert ".py:" not in answer.err, "a library's warning reached the user"
    recipe = yaml.safe_load((tmp_path / report["run"] / "recipe.yaml").read_text())
    assert (recipe["backbone"], recipe["weights"]) == ("tf_efficientnet_lite0", "packaged")
