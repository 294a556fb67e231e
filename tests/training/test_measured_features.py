"""What the advice measures is computed once: it is what the network gives, and training finds it kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_set
from learners import Heard
from small_sets import SIDE_PX, prepared_of, weights_file

from finetune.cache.place import stores, stores_folder
from finetune.data.loading import measuring_loader
from finetune.model.build import build
from finetune.model.features import Features, extract_features
from finetune.model.layers import layer_groups
from finetune.recipe import Recipe
from finetune.training.measured_features import MeasuredFeatures
from finetune.training.prepared import Prepared
from finetune.training.resolve import preprocessing_of
from finetune.training.train import fit

NETWORKS = ("test_resnet", "test_efficientnet", "test_convnext")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 12 training images."""
    return draw_set(
        tmp_path_factory.mktemp("sets") / "data",
        {f"{split}/{name}": n for split, n in (("train", 12), ("val", 4)) for name in "ab"},
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("weights")
    return lambda name: weights_file(folder, name)


def paths_of(prepared: Prepared) -> list[Path]:
    return [image.path for image in prepared.split.train]


def expected(prepared: Prepared, paths: Sequence[Path]) -> Features:
    """The features as a pass of the network gives them."""
    model = build(prepared.backbone, n_classes=2, weights=prepared.weights, seed=0, image_size=SIDE_PX)
    batches = measuring_loader(paths, preprocessing_of(prepared.backbone, SIDE_PX), workers=0)
    return extract_features(model, layer_groups(model), batches, with_stages=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_they_are_what_the_network_gives_stage_by_stage(
    data: Path, weights: Callable[[str], Path], name: str
) -> None:
    prepared, recipe = prepared_of(data, weights(name), precision="fp32")
    measured = MeasuredFeatures(prepared, recipe)
    found = measured(paths_of(prepared), lambda _: None)
    given = expected(prepared, paths_of(prepared))
    np.testing.assert_allclose(found.penultimate, given.penultimate, rtol=1e-4, atol=1e-5)
    assert list(found.stages) == list(given.stages)
    *earlier, last = found.stages
    for stage in earlier:
        np.testing.assert_allclose(found.stages[stage], given.stages[stage], rtol=1e-4, atol=1e-5)
    # The last stage's mean is what the classifier gets, up to what the network does before its classifier.
    np.testing.assert_array_equal(found.stages[last], found.penultimate)
    assert measured.width == found.penultimate.shape[1]
    assert measured.wide == measured.width + sum(found.stages[stage].shape[1] for stage in earlier)


def test_a_network_without_batch_norm_and_with_dense_layers(tmp_path: Path) -> None:
    few = draw_set(tmp_path / "data", {"train/a": 3, "train/b": 3, "val/a": 1, "val/b": 1})
    prepared, recipe = prepared_of(few, weights_file(tmp_path, "vgg11", n_classes=2), precision="fp32")
    measured = MeasuredFeatures(prepared, recipe)
    found = measured(paths_of(prepared), lambda _: None)
    given = expected(prepared, paths_of(prepared))
    np.testing.assert_allclose(found.penultimate, given.penultimate, rtol=1e-3, atol=1e-4)
    assert list(found.stages) == list(given.stages)
    assert measured.width == 4096


@pytest.mark.parametrize("head", ["linear", "multi-stage"])
def test_a_head_on_frozen_layers_is_solved_without_another_pass_over_what_was_measured(
    data: Path, weights: Callable[[str], Path], tmp_path: Path, head: str
) -> None:
    prepared, recipe = prepared_of(data, weights("test_resnet"))
    MeasuredFeatures(prepared, recipe)(paths_of(prepared), lambda _: None)
    heard = Heard()
    frozen = recipe.with_changes(strategy="freeze-all", head=head)
    fit(data, frozen, out=tmp_path / "run", offline=True, reporter=heard)
    told = [sentence for sentence in heard.said if sentence.startswith("features: ")]
    assert told
    assert told[0] == "features: 0 computed, 24 from the cache"


def test_a_head_that_is_fitted_first_finds_them_too(
    data: Path, weights: Callable[[str], Path], tmp_path: Path
) -> None:
    prepared, recipe = prepared_of(data, weights("test_resnet"))
    MeasuredFeatures(prepared, recipe)(paths_of(prepared), lambda _: None)
    heard = Heard()
    partial = recipe.with_changes(strategy="partial", epochs=1)
    fit(data, partial, out=tmp_path / "run", offline=True, reporter=heard)
    assert "features: 0 computed, 24 from the cache" in heard.said


def test_the_kept_ones_are_those_that_training_computes_to_the_bit(
    data: Path, weights: Callable[[str], Path], tmp_path: Path
) -> None:
    prepared, recipe = prepared_of(data, weights("test_resnet"))
    runs = []
    for name, measures_first in (("alone", False), ("measured", True)):
        if measures_first:
            MeasuredFeatures(prepared, recipe)(paths_of(prepared), lambda _: None)
        choices = {"strategy": "freeze-all", "cache": "on" if measures_first else "off"}
        run = fit(data, Recipe.make(**recipe.model_dump() | choices), out=tmp_path / name, offline=True)
        runs.append((run.folder.bundle / "model.safetensors").read_bytes())
    assert runs[0] == runs[1]


def test_a_second_measuring_computes_nothing_and_counts_every_image(
    data: Path, weights: Callable[[str], Path]
) -> None:
    prepared, recipe = prepared_of(data, weights("test_resnet"))
    counted: list[list[int]] = []
    found = []
    for _ in range(2):
        counts: list[int] = []
        found.append(MeasuredFeatures(prepared, recipe)(paths_of(prepared), counts.append))
        counted.append(counts)
    assert [sum(counts) for counts in counted] == [24, 24]
    assert min(min(counts) for counts in counted) >= 0
    np.testing.assert_array_equal(found[0].pooled(), found[1].pooled())


def test_a_part_of_the_images_comes_in_the_order_asked_for(
    data: Path, weights: Callable[[str], Path]
) -> None:
    prepared, recipe = prepared_of(data, weights("test_resnet"))
    paths = paths_of(prepared)
    whole = MeasuredFeatures(prepared, recipe)(paths, lambda _: None)
    chosen = [7, 3, 20, 0]
    part = MeasuredFeatures(prepared, recipe)([paths[row] for row in chosen], lambda _: None)
    np.testing.assert_array_equal(part.pooled(), whole.pooled()[chosen])


def test_without_a_cache_nothing_is_kept(data: Path, weights: Callable[[str], Path]) -> None:
    prepared, recipe = prepared_of(data, weights("test_resnet"), cache="off")
    found = MeasuredFeatures(prepared, recipe)(paths_of(prepared), lambda _: None)
    assert len(found.penultimate) == 24
    assert not stores(stores_folder())
