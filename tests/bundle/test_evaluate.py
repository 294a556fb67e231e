"""A bundle is scored by class name, on the test split where there is one, and unreadable images are said."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from drawing import draw_set
from networks import network
from torch import nn

from finetune.bundle.bundle import Bundle, load_bundle, write_bundle
from finetune.bundle.evaluate import evaluate, evaluate_data
from finetune.bundle.predict import predict
from finetune.data.sources import open_source
from finetune.data.transforms import Preprocessing
from finetune.errors import DataError
from finetune.model.backbones import find_backbone
from finetune.progress import Advance

CLASS_NAMES = ("ants", "bees", "wasps")


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.counts: dict[str, tuple[int, int]] = {}

    def say(self, text: str) -> None:
        self.said.append(text)

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:
        def advance(done: int, total: int) -> None:
            self.counts[title] = done, total

        yield advance


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A classifier that says bees to everything."""
    model = network()
    head = model.get_submodule("fc")
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.tensor([0.0, 2.0, 1.0]))
    folder = tmp_path_factory.mktemp("run") / "bundle"
    write_bundle(
        folder,
        model,
        backbone=find_backbone("test_resnet"),
        class_names=CLASS_NAMES,
        preprocessing=Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.95),
    )
    return load_bundle(folder)


def test_the_scores_are_those_of_the_predictions(bundle: Bundle, tmp_path: Path) -> None:
    images = open_source(draw_set(tmp_path, {"ants": 2, "bees": 5, "wasps": 3})).images
    seen: list[tuple[int, int]] = []
    metrics = evaluate(bundle, images, workers=0, advance=lambda done, total: seen.append((done, total)))
    called = [prediction.label for prediction in predict(bundle, [image.path for image in images])]
    right = sum(label == image.label for label, image in zip(called, images, strict=True))
    assert (metrics.n_images, metrics.n_correct) == (10, right) == (10, 5)
    assert metrics.confusion == ((0, 2, 0), (0, 5, 0), (0, 3, 0))
    shares = np.exp([0.0, 2.0, 1.0]) / np.exp([0.0, 2.0, 1.0]).sum()
    expected = -(2 * np.log(shares[0]) + 5 * np.log(shares[1]) + 3 * np.log(shares[2])) / 10
    assert metrics.log_loss == pytest.approx(expected, rel=1e-5)
    assert seen[-1] == (10, 10)


def test_images_of_one_class_alone_are_scored(bundle: Bundle, tmp_path: Path) -> None:
    """Training needs two classes; the share of one class that is found may be asked alone."""
    for label, right in (("bees", 4), ("wasps", 0)):
        metrics, _ = evaluate_data(
            bundle, str(draw_set(tmp_path / label, {label: 4})), exclude=(), reporter=Heard()
        )
        assert (metrics.n_images, metrics.n_correct, metrics.balanced_accuracy) == (4, right, right / 4)
    with pytest.raises(DataError, match=r"only one class \('bees'\)"):
        open_source(tmp_path / "bees")


def test_classes_are_matched_by_name_when_some_are_absent(bundle: Bundle, tmp_path: Path) -> None:
    """With bees and wasps alone, bees would be class 0 by position."""
    metrics, split = evaluate_data(
        bundle, str(draw_set(tmp_path, {"bees": 4, "wasps": 1})), exclude=(), reporter=Heard()
    )
    assert split == "all"
    assert metrics.n_correct == 4
    assert metrics.confusion == ((0, 0, 0), (0, 4, 0), (0, 1, 0))


def test_a_class_that_the_bundle_does_not_know_is_refused_by_name(bundle: Bundle, tmp_path: Path) -> None:
    folder = draw_set(tmp_path, {"ants": 2, "big bee": 2})
    with pytest.raises(
        DataError,
        match="class 'big bee' is not one of the bundle's 3 classes; rename the folder or drop it with "
        "--exclude 'big bee'",
    ):
        evaluate_data(bundle, str(folder), exclude=(), reporter=Heard())


def test_a_misspelt_class_is_told_its_nearest(bundle: Bundle, tmp_path: Path) -> None:
    folder = draw_set(tmp_path, {"ants": 2, "wasp": 2})
    with pytest.raises(DataError, match="did you mean 'wasps'"):
        evaluate_data(bundle, str(folder), exclude=(), reporter=Heard())


def test_an_excluded_class_is_left_out(bundle: Bundle, tmp_path: Path) -> None:
    folder = draw_set(tmp_path, {"ants": 2, "bees": 2, "hornets": 2})
    metrics, _ = evaluate_data(bundle, str(folder), exclude=["hornets"], reporter=Heard())
    assert metrics.n_images == 4


@pytest.mark.parametrize(
    ("splits", "used", "n_images"),
    [
        (("train", "val", "test"), "test", 4),
        (("train", "val"), "val", 4),
        (("train",), "all", 4),
        ((), "all", 4),
    ],
)
def test_the_test_split_is_scored_else_val_else_every_image(
    splits: tuple[str, ...], used: str, n_images: int, bundle: Bundle, tmp_path: Path
) -> None:
    counts = {f"{split}/{label}": 2 for split in splits for label in ("ants", "bees")} or {
        "ants": 2,
        "bees": 2,
    }
    metrics, split = evaluate_data(bundle, str(draw_set(tmp_path, counts)), exclude=(), reporter=Heard())
    assert (split, metrics.n_images) == (used, n_images)


def test_unreadable_images_are_left_out_and_said(bundle: Bundle, tmp_path: Path) -> None:
    folder = draw_set(tmp_path, {"ants": 3, "bees": 3})
    (folder / "ants" / "0.png").write_bytes(b"no image")
    heard = Heard()
    metrics, _ = evaluate_data(bundle, str(folder), exclude=(), reporter=heard)
    assert metrics.n_images == 5
    assert any(said.startswith("warning: 1 unreadable image") for said in heard.said), heard.said
    assert heard.counts == {"checking images": (6, 6), "evaluating": (5, 5)}


def test_a_set_of_which_no_image_can_be_read_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    for label in ("ants", "bees"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "0.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"no readable image in .*; run `finetune inspect` on it"):
        evaluate_data(bundle, str(tmp_path), exclude=(), reporter=Heard())
