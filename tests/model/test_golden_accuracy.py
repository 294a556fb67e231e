"""The packaged weights, the catalogue's preprocessing and the image path agree: ImageNet is still recognised."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch

from finetune.data.loading import measuring_loader
from finetune.model.backbones import PACKAGED_BACKBONE, Backbone, find_backbone
from finetune.model.build import build
from finetune.model.hub import hub_answers, is_offline
from finetune.model.weights import NO_WEIGHTS, WeightsRecord, load_pretrained, locate_weights
from finetune.training.resolve import preprocessing_of

LEAST_CORRECT = 865
"""Of 1000. Wrong channel statistics, another crop or filter, or turned images cost several points."""

LEAST_CORRECT_OF_THE_HUB = {"resnet18": 655, "vgg11": 645}
"""Of 1000. Published on the validation images: 69.8 % and 69.0 %; three standard errors of 1000 are 4.4 points."""


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Beside a loading process, more threads would wait for each other on a small machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def count_correct(
    backbone: Backbone, record: WeightsRecord, shared_data: Path, folder: Path, *, every: int = 1
) -> int:
    """Return how many of 1000 images, one a class, or of each ``every``-th of them the network names rightly."""
    with tarfile.open(shared_data / "imagenet-1000.tar") as archive:
        archive.extractall(folder, filter="data")
    paths = sorted(folder.rglob("*.JPEG"))  # one image a class; the sorted names are in class order
    assert len(paths) == 1000
    preprocessing = preprocessing_of(backbone, backbone.image_size)
    assert preprocessing.resize_to == {224: 256, 240: 272, 260: 292}[backbone.image_size]
    model = build(backbone, n_classes=1000, weights=NO_WEIGHTS, seed=0, image_size=backbone.image_size)
    load_pretrained(model, record, keep_classifier=True)
    model.eval().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        called = torch.cat(
            [
                model(images.contiguous(memory_format=torch.channels_last)).argmax(dim=1)
                for images in measuring_loader(paths[::every], preprocessing, workers=1)
            ]
        )
    return int((called == torch.arange(0, 1000, every)).sum())


@pytest.mark.shared_data
def test_the_packaged_network_names_865_of_1000_imagenet_images(
    shared_data: Path, tmp_path: Path, one_thread: None
) -> None:
    backbone = find_backbone(PACKAGED_BACKBONE)
    record = locate_weights(backbone, "packaged", offline=True)
    assert count_correct(backbone, record, shared_data, tmp_path) >= LEAST_CORRECT


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["tf_efficientnet_lite1", "tf_efficientnet_lite2"])
def test_the_extra_packaged_networks_name_four_of_five_imagenet_images(
    name: str, shared_data: Path, tmp_path: Path, one_thread: None
) -> None:
    """All 1000: 882 and 874."""
    backbone = find_backbone(name)
    record = locate_weights(backbone, "packaged", offline=True)
    assert count_correct(backbone, record, shared_data, tmp_path, every=10) >= 80


@pytest.fixture
def true_hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub itself and an empty cache, or a skip."""
    if "network" not in request.config.option.markexpr:
        pytest.skip("downloads 580 MB from the model hub; run it with -m network")
    if is_offline(offline=False) or not hub_answers(find_backbone("resnet18")):
        pytest.skip("the model hub does not answer")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.network
@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["resnet18", "vgg11"])
def test_the_hub_s_own_weights_name_two_of_three_imagenet_images(
    name: str, true_hub: None, shared_data: Path, tmp_path: Path, one_thread: None
) -> None:
    backbone = find_backbone(name)
    record = locate_weights(backbone, "hub", offline=False)
    assert (record.source, record.licence) == ("hub", "bsd-3-clause")
    assert count_correct(backbone, record, shared_data, tmp_path / "images") >= LEAST_CORRECT_OF_THE_HUB[name]
    assert locate_weights(backbone, "hub", offline=True).sha256 == record.sha256
