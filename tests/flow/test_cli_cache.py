"""finetune cache: what a run leaves for the next one, its size, and its removal; and a second run that uses it."""

from pathlib import Path
from typing import Any

import yaml
from conftest import Finetune


def of_cache(finetune: Finetune, *options: str) -> Any:
    answer = finetune("cache", "--json", *options)
    assert answer.code == 0
    return answer.json


def test_a_second_run_takes_the_features_from_the_cache_and_comes_to_the_same(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    assert of_cache(finetune)["stores"] == []
    command = ("fit", colours, *tiny, "--strategy", "freeze-all", "--augment", "crop", "--views", 2)
    first = finetune(*command, "--out", tmp_path / "first")
    assert first.code == 0
    assert ", 0 from the cache" in first.err
    (kept,) = of_cache(finetune)["stores"]
    assert kept["rows_served"] == 0
    second = finetune(*command, "--out", tmp_path / "second")
    assert "features: 0 computed, " in second.err
    weights = [(tmp_path / run / "bundle" / "model.safetensors").read_bytes() for run in ("first", "second")]
    assert weights[0] == weights[1]
    values = of_cache(finetune)
    assert values["stores"][0]["rows_served"] > 0
    assert 0 < values["bytes"] == values["stores"][0]["bytes"] < values["limit_bytes"]
    recipe = yaml.safe_load((tmp_path / "second" / "recipe.yaml").read_text())
    assert (recipe["views"], recipe["precision"]) == (2, "fp32")
    assert (tmp_path / "second" / "augmentation.png").is_file()
    shown = finetune("cache")
    assert "the classifier's input" in shown.out
    kept_bytes = values["bytes"] + values["checked_images"]["bytes"]
    assert of_cache(finetune, "--clear")["freed_bytes"] == kept_bytes
    assert of_cache(finetune)["bytes"] == 0


def test_without_the_cache_nothing_is_kept(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    answer = finetune(
        "fit", colours, *tiny, "--strategy", "freeze-all", "--cache", "off", "--out", tmp_path / "run"
    )
    assert answer.code == 0
    assert "from the cache" not in answer.err
    assert of_cache(finetune)["stores"] == []
    assert finetune("cache", "--clear").out.startswith("removed 0.0 MB from ")
