"""The packaged weights, the catalogue's preprocessing and the image path agree: ImageNet is still recognised."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from finetune.data.loading import measuring_loader
from finetune.model.backbones import PACKAGED_BACKBONE, find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS, load_pretrained, locate_weights
from finetune.training.resolve import preprocessing_of

LEAST_CORRECT = 865
"""Of 1000. Wrong channel statistics, another crop or filter, or turned images cost several points."""


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Beside a loading process, more threads would wait for each other on a small machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.shared_data
def test_the_packaged_network_names_865_of_1000_imagenet_images(
    shared_data: Path, tmp_path: Path, one_thread: None
) -> None:
    with tarfile.open(shared_data / "imagenet-1000.tar") as archive:
        archive.extractall(tmp_path, filter="data")
    paths = sorted(tmp_path.rglob("*.JPEG"))  # one image a class; the sorted names are in class order
    assert len(paths) == 1000
    backbone = find_backbone(PACKAGED_BACKBONE)
    preprocessing = preprocessing_of(backbone, backbone.image_size)
    assert preprocessing.resize_to == 256
    record = locate_weights(backbone, "packaged", offline=True)
    model = build(backbone, n_classes=1000, weights=NO_WEIGHTS, seed=0, image_size=backbone.image_size)
    load_pretrained(model, record, keep_classifier=True)
    model.eval().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        called = torch.cat(
            [
                model(images.contiguous(memory_format=torch.channels_last)).argmax(dim=1)
                for images in measuring_loader(paths, preprocessing, workers=1)
            ]
        )
    assert (called == torch.arange(1000)).sum() >= LEAST_CORRECT
