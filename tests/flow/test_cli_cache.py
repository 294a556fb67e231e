"""finetune cache: what a run leaves for the next one, its size, and its removal; and a second run that uses it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
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
    kept = of_cache(finetune)["stores"]
    # The views that the head was solved on, and the images as they are, for what is known.
    assert kept
    served = {store["rows_served"] for store in kept}
    second = finetune(*command, "--out", tmp_path / "second")
    assert "features: 0 computed, " in second.err
    weights = [(tmp_path / run / "bundle" / "model.safetensors").read_bytes() for run in ("first", "second")]
    assert weights[0] == weights[1]
    values = of_cache(finetune)
    assert {store["rows_served"] for store in values["stores"]} != served
    assert 0 < values["bytes"] == sum(store["bytes"] for store in values["stores"]) < values["limit_bytes"]
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


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "my [red]set[b].npz", images=images, labels=[0, 0, 0, 1, 1, 1])
    return tmp_path / "my [red]set[b].npz"


def test_what_was_written_out_of_a_packed_set_is_shown_and_removed(finetune: Finetune, arrays: Path) -> None:
    assert finetune("inspect", arrays).code == 0
    (kept,) = of_cache(finetune)["sets"]
    assert (kept["source"], kept["images"]) == (str(arrays), 6)
    assert kept["bytes"] == sum(
        file.stat().st_size for file in Path(kept["folder"]).rglob("*") if file.is_file()
    )
    assert f"6 images of {arrays}" in finetune("cache").out
    checked = of_cache(finetune)["checked_images"]["bytes"]
    assert of_cache(finetune, "--clear")["freed_bytes"] == kept["bytes"] + checked
    assert of_cache(finetune)["sets"] == []
    assert finetune("inspect", arrays).code == 0


def test_one_kind_of_what_is_kept_can_be_removed_alone(finetune: Finetune, arrays: Path) -> None:
    assert finetune("inspect", arrays).code == 0
    (kept,) = of_cache(finetune)["sets"]
    assert of_cache(finetune, "--clear", "--only", "features")["freed_bytes"] == 0
    assert of_cache(finetune, "--clear", "--only", "sets")["freed_bytes"] == kept["bytes"]
    values = of_cache(finetune)
    assert values["sets"] == []
    assert values["checked_images"]["bytes"] > 0
    assert (
        of_cache(finetune, "--clear", "--only", "checks")["freed_bytes"] == values["checked_images"]["bytes"]
    )


def test_only_without_clear_is_refused(finetune: Finetune) -> None:
    refused = finetune("cache", "--only", "sets")
    assert refused.code == 2
    assert refused.error == "error: --only sets has no effect without --clear; add it to remove the sets"
    assert finetune("cache", "--clear", "--only", "everything").code == 2
