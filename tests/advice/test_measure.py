"""One pass over a set gives every measure, and they agree with those taken one by one."""

import json
from pathlib import Path

import pytest
import torch
from drawing import picture, save
from safetensors.torch import save_file

from finetune.advice.measure import Measuring, measure
from finetune.advice.measured import Measures
from finetune.advice.similarity import measure_transfer_gain
from finetune.data.sources import LabelledImage
from finetune.errors import DataError
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS, WeightsRecord, locate_weights


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[LabelledImage]:
    folder = tmp_path_factory.mktemp("pictures")
    found = []
    for number in range(24):
        label = "ants" if number % 2 else "bees"
        path = folder / label / f"{number}.png"
        save(picture(number, (64, 64)), path)
        found.append(LabelledImage(path, f"{label}/{number}.png", label, None))
    return found


@pytest.fixture(scope="module")
def found(images: list[LabelledImage]) -> Measures:
    lite0 = find_backbone("tf_efficientnet_lite0")
    seen: list[tuple[int, int]] = []
    weights = locate_weights(lite0, "packaged", offline=True)
    measures = measure(
        images, Measuring(lite0, weights, seed=0, workers=0), progress=lambda *done: seen.append(done)
    )
    assert seen[-1] == (72, 72)  # both networks at one size, ImageNet's classifier at its own
    assert seen == sorted(seen)
    return measures


def test_the_gain_is_the_one_measured_alone(images: list[LabelledImage], found: Measures) -> None:
    lite0 = find_backbone("tf_efficientnet_lite0")
    weights = locate_weights(lite0, "packaged", offline=True)
    assert found.gain == measure_transfer_gain(images, lite0, weights, seed=0, workers=0)


def test_every_measure_is_there_and_within_its_bounds(found: Measures) -> None:
    assert found.n_images == 24
    assert [name for name, _ in found.stages] == ["stem", *(f"blocks.{number}" for number in range(7))]
    for score in (found.neighbours, found.last_layer, *(score for _, score in found.stages)):
        assert 0 <= score <= 1
    assert found.stages[found.peak_stage][1] == max(score for _, score in found.stages)
    assert found.shift is not None
    assert min(found.shift) > 0
    assert found.certainty is not None
    assert 0 < found.certainty.entropy < 1
    assert 1 / 1000 < found.certainty.confidence < 1
    assert found.curve is not None
    assert found.to_json()["gain"]["value"] == found.gain.value
    assert Measures.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_weights_without_imagenets_classifier_and_a_network_without_batch_norm(
    images: list[LabelledImage], tmp_path: Path
) -> None:
    vgg = find_backbone("vgg11")
    model = build(vgg, n_classes=7, weights=NO_WEIGHTS, seed=0, image_size=224)
    file = tmp_path / "vgg.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, file)
    few = images[:8]
    measures = measure(
        few, Measuring(vgg, WeightsRecord("file", "vgg", file, "0" * 64, ""), seed=0, workers=0)
    )
    assert measures.shift is None
    assert measures.certainty is None
    assert measures.curve is None  # an eighth of four images is none


def test_one_class_cannot_be_measured(images: list[LabelledImage]) -> None:
    lite0 = find_backbone("tf_efficientnet_lite0")
    ants = [image for image in images if image.label == "ants"]
    with pytest.raises(DataError, match="needs 2 classes"):
        measure(ants, Measuring(lite0, NO_WEIGHTS, seed=0, workers=0))


def test_black_pictures_of_both_classes_measure_as_hopeless(tmp_path: Path) -> None:
    from PIL import Image

    alike = []
    for number in range(16):
        label = "ants" if number % 2 else "bees"
        save(Image.new("RGB", (32, 32)), tmp_path / label / f"{number}.png")
        alike.append(LabelledImage(tmp_path / label / f"{number}.png", f"{label}/{number}.png", label, None))
    lite0 = find_backbone("tf_efficientnet_lite0")
    torch.manual_seed(0)
    measures = measure(
        alike, Measuring(lite0, locate_weights(lite0, "packaged", offline=True), seed=0, workers=0)
    )
    assert measures.gain.value <= 0.1
    assert measures.last_layer <= 0.6
