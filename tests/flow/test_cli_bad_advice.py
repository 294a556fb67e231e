"""Data and weights that no advice could rest on: each gets a sentence, or advice that says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Finetune, coloured, draw_colours
from drawing import draw_scenes
from outlooks import best_is
from PIL import Image
from safetensors.torch import save_file

from finetune.advice.forecast import ForecastTable
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS, load_pretrained, locate_weights

WithTable = Callable[[ForecastTable], None]


def advised(finetune: Finetune, data: Path, *options: object) -> dict[str, Any]:
    """The advice as JSON, after the checks that hold for all."""
    answer = finetune("advise", data, *options, "--json")
    assert answer.code == 0, answer.err
    advice: dict[str, Any] = answer.json
    for text in (advice["reason"], advice["reason_zh"]):
        assert "nan" not in text.lower()
    return advice


def refused(finetune: Finetune, data: Path, *options: object) -> str:
    answer = finetune("advise", data, *options)
    assert answer.code == 3
    return answer.error


def save(image: Image.Image, path: Path, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


def test_one_image_a_class_is_refused(finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path) -> None:
    data = draw_colours(tmp_path / "data", {"a": 1, "b": 1})
    error = refused(finetune, data, *tiny[:6])
    assert "class 'a'" in error or "classes 'a'" in error
    assert "1 image" in error


def test_two_images_a_class_to_train_on_are_refused(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    data = draw_colours(tmp_path / "data", {"train/a": 12, "train/b": 2, "val/a": 3, "val/b": 3})
    error = refused(finetune, data, *tiny[:6])
    assert "class 'b' has 2 training images, too few to advise on" in error
    assert "--exclude" in error
    left_out = draw_colours(tmp_path / "other", {"train/a": 12, "train/b": 3, "val/a": 3, "val/b": 3})
    assert advised(finetune, left_out, *tiny[:6])["size"]["smallest"] == 3


def test_a_named_strategy_needs_no_advice(finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path) -> None:
    data = draw_colours(tmp_path / "data", {"train/a": 12, "train/b": 2, "val/a": 3, "val/b": 3})
    answer = finetune("fit", data, *tiny, "--strategy", "freeze-all", "--out", tmp_path / "run")
    assert answer.code == 0, answer.err


def test_two_classes_of_few_images_are_advised_on(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    advice = advised(finetune, draw_colours(tmp_path / "data", {"a": 6, "b": 6}), *tiny[:6])
    assert "in 2 classes" in advice["reason"]
    assert any("uncertain" in warning for warning in advice["warnings"])


@pytest.mark.parametrize("changed", [False, True], ids=["copied", "saved anew"])
def test_leaking_splits_are_refused(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path, changed: bool
) -> None:
    data = draw_scenes(tmp_path / "data", {"train/a": 12, "train/b": 12, "val/a": 6, "val/b": 6})
    for label in "ab":
        source = data / "train" / label / "0.png"
        if changed:  # a little smaller and of another format: the same picture, not the same file
            with Image.open(source) as image:
                save(image.resize((150, 112)), data / "val" / label / "again.jpg", quality=90)
        else:
            shutil.copy(source, data / "val" / label / "again.png")
    error = refused(finetune, data, *tiny[:6])
    assert "of the images to judge by are near-duplicates of training images" in error
    assert "finetune clean" in error


def test_images_that_are_all_the_same_are_refused(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    for label in "ab":
        for number in range(10):
            save(coloured(0, 0), tmp_path / "data" / label / f"{number}.png")
    error = refused(finetune, tmp_path / "data", *tiny[:6])
    assert "Traceback" not in error


def test_pictures_of_one_colour_under_two_labels_teach_nothing(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    """All alike to a network, but not one file twice."""
    for label in "ab":
        for number in range(14):
            save(coloured(0, 2 * number + "ab".index(label)), tmp_path / "data" / label / f"{number}.png")
    advice = advised(finetune, tmp_path / "data", *tiny[:6])
    assert advice["can_learn"] is False
    assert "Nothing can be learnt from these labels" in advice["reason"]


def test_shuffled_labels_teach_nothing(finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path) -> None:
    labels = np.repeat(list("abc"), 16)
    np.random.default_rng(2).shuffle(labels)
    for number, label in enumerate(labels):
        save(coloured(number % 3, number), tmp_path / "data" / str(label) / f"{number}.png")
    advice = advised(finetune, tmp_path / "data", *tiny[:6])
    assert advice["can_learn"] is False
    assert "从这些标签学不到任何东西" in advice["reason_zh"]
    assert any("nothing can be learnt" in warning for warning in advice["warnings"])


def test_pure_noise_teaches_nothing(finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    for number in range(60):
        pixels = generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        save(Image.fromarray(pixels), tmp_path / "data" / "ab"[number % 2] / f"{number}.png")
    advice = advised(finetune, tmp_path / "data", *tiny[:6])
    assert advice["can_learn"] is False
    assert "Nothing can be learnt from these labels" in advice["reason"]


@pytest.fixture(scope="module")
def few_fruit(fruit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four kinds of fruit, 40 images each: ImageNet's features tell them far better than random ones.

    With 14 each the gain of destroyed weights was anything from -0.2 to 0.3, by seed and by processor.
    """
    few = tmp_path_factory.mktemp("fruit") / "few"
    for folder in sorted(fruit.iterdir())[:4]:
        for image in sorted(folder.iterdir())[:40]:
            save(Image.open(image), few / folder.name / image.name)
    return few


@pytest.fixture(scope="module")
def destroyed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged weights with the numbers of each tensor in a random order."""
    lite0 = find_backbone("tf_efficientnet_lite0")
    model = build(lite0, n_classes=1000, weights=NO_WEIGHTS, seed=0, image_size=64)
    load_pretrained(model, locate_weights(lite0, "packaged", offline=True), keep_classifier=True)
    generator = torch.Generator().manual_seed(1)
    shuffled = {
        name: tensor.flatten()[torch.randperm(tensor.numel(), generator=generator)].reshape(tensor.shape)
        for name, tensor in model.state_dict().items()
    }
    path = tmp_path_factory.mktemp("weights") / "destroyed.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in shuffled.items()}, path)
    return path


def test_destroyed_weights_are_noticed_and_not_frozen(
    finetune: Finetune, few_fruit: Path, destroyed: Path, with_table: WithTable
) -> None:
    with_table(best_is("freeze-all"))
    network = ("--backbone", "tf_efficientnet_lite0", "--image-size", 64, "--offline")
    sound = advised(finetune, few_fruit, *network, "--weights", "packaged")
    assert sound["strategy"] == "freeze-all"
    assert sound["similarity"]["value"] > 0.3
    broken = advised(finetune, few_fruit, *network, "--weights", destroyed)
    assert broken["similarity"]["value"] < 0.15
    assert broken["strategy"] != "freeze-all"
    assert "pretrained weights measure as no better than random ones" in broken["reason"]
    assert any("check the weights" in warning for warning in broken["warnings"])


def test_images_of_four_pixels_are_advised_on(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    for kind, label in enumerate("ab"):
        for number in range(12):
            save(coloured(kind, number, side_px=4), tmp_path / "data" / label / f"{number}.png")
    advice = advised(finetune, tmp_path / "data", *tiny[:6])
    assert advice["can_learn"] is True


def test_greyscale_images_are_advised_on(finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path) -> None:
    for kind, label in enumerate("ab"):
        for number in range(12):
            image = coloured(4 if kind else 3, number).convert("L")
            save(image, tmp_path / "data" / label / f"{number}.png")
    advice = advised(finetune, tmp_path / "data", *tiny[:6])
    assert advice["can_learn"] is True


def test_a_thousand_classes_of_three_tiny_images_are_too_few_once_split(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    draw_many(tmp_path / "data", n_classes=1_000, each=3)
    error = refused(finetune, tmp_path / "data", *tiny[:6])
    assert "class 'c0" in error
    assert "too few to advise on" in error


def test_a_thousand_classes_of_three_tiny_images_to_train_on_are_advised_on(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    draw_many(tmp_path / "data" / "train", n_classes=1_000, each=3)
    draw_many(tmp_path / "data" / "val", n_classes=100, each=1, first=9_000)
    advice = advised(finetune, tmp_path / "data", *tiny[:6])
    assert advice["size"] == {"n": 3_000, "per_class": 3.0, "smallest": 3}
    assert "in 1000 classes" in advice["reason"]
    assert advice["forecast"]["freeze-all"]["seconds"] > 0
    assert any("only 64 of the 1,000 classes were measured" in warning for warning in advice["warnings"])
    assert any("1,000 个类别中只测量了 64 个" in warning for warning in advice["warnings_zh"])


def draw_many(root: Path, *, n_classes: int, each: int, first: int = 0) -> None:
    """Noise of 8 px under names such as c0042."""
    for kind in range(n_classes):
        for number in range(each):
            generator = np.random.default_rng((first + kind, number))
            pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            save(Image.fromarray(pixels), root / f"c{kind:04}" / f"{number}.png")


def test_a_photograph_of_thirty_megapixels_among_small_ones_is_advised_on(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    data = draw_colours(tmp_path / "data", {"a": 10, "b": 10})
    save(Image.new("RGB", (6_000, 5_000), (200, 60, 60)), data / "a" / "large.jpg", quality=50)
    advice = advised(finetune, data, *tiny[:6])
    assert advice["can_learn"] is True
