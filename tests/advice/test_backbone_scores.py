"""A backbone's scores are those that the measures give one by one, on the images as it wants them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from drawing import picture, save
from safetensors.torch import load_file, save_file
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from finetune.advice.backbone_scores import (
    PASSES,
    BackboneScores,
    measuring_preprocessing,
    parameters_of,
    score_backbone,
)
from finetune.advice.similarity import SIDE_PX, measure_transfer_gain, probe_accuracy, probe_hits
from finetune.data.decode_once import decode_once
from finetune.data.sources import LabelledImage
from finetune.errors import WeightsError
from finetune.model.backbones import CATALOGUE, find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS, WeightsRecord, locate_weights

LITE0 = find_backbone("tf_efficientnet_lite0")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    folder = tmp_path_factory.mktemp("pictures")
    found = []
    for number in range(20):
        label = "ants" if number % 2 else "bees"
        path = save(picture(number, (64, 64)), folder / label / f"{number}.png")
        found.append(LabelledImage(path, f"{label}/{number}.png", label, None))
    return found


def scores_of(
    images: list[LabelledImage], weights: WeightsRecord, *, name: str = LITE0.name
) -> tuple[BackboneScores, list[int]]:
    backbone = find_backbone(name)
    way = measuring_preprocessing(backbone)
    done: list[int] = []
    scores = score_backbone(
        backbone,
        weights,
        decode_once([image.path for image in images], [way], workers=0),
        np.array([image.label for image in images]),
        preprocessing=way,
        seed=0,
        progress=done.append,
    )
    return scores, done


def test_the_probe_is_that_of_the_transfer_gain_and_all_images_are_counted(
    images: list[LabelledImage],
) -> None:
    weights = locate_weights(LITE0, "packaged", offline=True)
    scores, done = scores_of(images, weights)
    gain = measure_transfer_gain(images, LITE0, weights, seed=0, workers=0)
    # Folds of equal size, so that the mean over them is the share of all; the images may come in another order.
    assert abs(scores.accuracy - gain.accuracy_pretrained) <= 0.2
    assert scores.hits.shape == (20,)
    assert sum(done) == PASSES * 20
    assert scores.image_size == SIDE_PX
    assert scores.n_parameters == LITE0.n_parameters
    assert scores.ms_per_image > 0
    for share in (scores.last_layer, scores.neighbours):
        assert 0 <= share <= 1


def test_the_probe_is_right_where_scikit_learn_s_own_cross_validation_is() -> None:
    generator = np.random.default_rng(0)
    labels = np.array(["ants", "bees", "wasps"] * 20)
    features = generator.normal(size=(60, 8)).astype(np.float32)
    features[:, 0] += (labels == "ants") * 1.5
    probe = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 5, 7)))
    called = cross_val_predict(probe, features, labels, cv=StratifiedKFold(5))
    judged: list[int] = []
    hits = probe_hits(features, labels, progress=judged.append)
    assert hits.tolist() == (called == labels).tolist()
    assert judged == [12] * 5
    assert hits.mean() == pytest.approx(probe_accuracy(features, labels))


def test_the_size_is_the_one_named_but_for_networks_that_are_built_for_one() -> None:
    assert measuring_preprocessing(LITE0).image_size == SIDE_PX
    assert measuring_preprocessing(LITE0, 64).image_size == 64
    assert measuring_preprocessing(CATALOGUE["cnn-small"], 128).image_size == 64


def test_the_parameters_of_a_network_outside_the_catalogue_are_counted() -> None:
    assert parameters_of(find_backbone("resnet18.a1_in1k")) == CATALOGUE["resnet18"].n_parameters


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = build(find_backbone("test_resnet"), n_classes=1000, weights=NO_WEIGHTS, seed=7, image_size=64)
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, file)
    return file


def test_weights_that_overflow_are_called_that(
    images: list[LabelledImage], tiny: Path, tmp_path: Path
) -> None:
    huge = {
        name: torch.full_like(tensor, 3e38)
        if name.startswith("layer4.") and name.endswith(".weight")
        else tensor
        for name, tensor in load_file(tiny).items()
    }
    file = tmp_path / "huge.safetensors"
    save_file(huge, file)
    with pytest.raises(WeightsError, match="give features that are no numbers"):
        scores_of(images, WeightsRecord("file", "huge", file, "0" * 64, ""), name="test_resnet")
