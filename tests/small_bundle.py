"""The smallest bundle that answers: a tiny network of random weights and three classes."""

from pathlib import Path

from networks import network

from finetune.bundle.bundle import Bundle, load_bundle, write_bundle
from finetune.data.transforms import Preprocessing
from finetune.model.backbones import find_backbone

CLASS_NAMES = ("ants", "bees", "größe, 10 cm")


def small_bundle(folder: Path) -> Bundle:
    """Write it as the new ``folder`` and load it."""
    write_bundle(
        folder,
        network(),
        backbone=find_backbone("test_resnet"),
        class_names=CLASS_NAMES,
        preprocessing=Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.95),
    )
    return load_bundle(folder)
