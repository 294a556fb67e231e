"""A tiny network with a weights file, and drawn images prepared for it as a run prepares its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS
from finetune.progress import SILENT
from finetune.recipe import Recipe
from finetune.training.prepare import prepare
from finetune.training.prepared import Prepared

SIDE_PX = 32


def weights_file(folder: Path, name: str = "test_resnet", *, n_classes: int = 1000) -> Path:
    """Random weights of the network ``name``, which stand in for pretrained ones."""
    model = build(find_backbone(name), n_classes=n_classes, weights=NO_WEIGHTS, seed=7, image_size=64)
    path = folder / f"{name}.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in model.state_dict().items()}, path)
    return path


def prepared_of(data: Path, weights: Path, **choices: Any) -> tuple[Prepared, Recipe]:
    """What is known of ``data`` before an advice, and the recipe that asks for one; ``choices`` are the recipe's."""
    usual = {"backbone": weights.stem, "weights": str(weights), "image_size": SIDE_PX, "workers": 0}
    named = Recipe.make(strategy="freeze-all", **usual)
    prepared = prepare(data, named, offline=True, reporter=SILENT)
    return prepared, Recipe.make(**{**usual, **choices})
