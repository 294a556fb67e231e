"""One object on textured ground, its place known, and a classifier of such images in a second or two."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from finetune.bundle.bundle import Bundle
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.features import extract_features
from finetune.model.layers import classifier_name, layer_groups
from finetune.model.weights import NO_WEIGHTS, locate_weights
from finetune.training.head import solve_head
from finetune.training.resolve import preprocessing_of

NAMES = ("ball", "fence", "tent")
SIZE = (240, 180)
OBJECT_PX = 90
"""A quarter of the square that the network sees, so that a map without any knowledge has 25 % on the object."""

Box = tuple[int, int, int, int]


def ground(rng: np.random.Generator) -> Image.Image:
    width, height = SIZE
    coarse = Image.fromarray(rng.integers(60, 200, (height // 12, width // 12, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize(SIZE, Image.Resampling.BICUBIC), dtype=float)
    noisy = 0.5 * smooth + 60 + rng.normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def draw(kind: int, number: int) -> tuple[Image.Image, Box]:
    """An image of class ``kind`` and the box of its object; each number has another ground and place."""
    rng = np.random.default_rng((kind, number))
    image = ground(rng)
    pen = ImageDraw.Draw(image)
    x = int(rng.integers(32, SIZE[0] - 32 - OBJECT_PX))
    y = int(rng.integers(4, SIZE[1] - 4 - OBJECT_PX))
    right, bottom = x + OBJECT_PX, y + OBJECT_PX
    if kind == 0:
        pen.ellipse((x, y, right, bottom), fill=(210, 40, 40), outline=(90, 10, 10), width=5)
        pen.ellipse((x + 18, y + 15, x + 36, y + 33), fill=(250, 200, 200))
    elif kind == 1:
        pen.rectangle((x, y, right, bottom), fill=(240, 240, 240), outline=(0, 0, 0))
        for bar in range(x, right, 14):
            pen.rectangle((bar, y, bar + 6, bottom), fill=(10, 10, 10))
    else:
        corners = [(x + OBJECT_PX // 2, y), (x, bottom), (right, bottom)]
        pen.polygon(corners, fill=(30, 80, 220), outline=(240, 240, 60), width=5)
    return image, (x, y, right, bottom)


@lru_cache
def classifier(*, image_size: int = 224, pretrained: bool = True, seed: int = 0) -> Bundle:
    """The packaged network, all its layers frozen, with a linear head solved on twelve images a class."""
    backbone = find_backbone("tf_efficientnet_lite0")
    weights = locate_weights(backbone, "packaged", offline=True) if pretrained else NO_WEIGHTS
    model = build(backbone, n_classes=len(NAMES), weights=weights, seed=seed, image_size=image_size)
    preprocessing = preprocessing_of(backbone, image_size)
    kinds = np.repeat(np.arange(len(NAMES)), 12)
    inputs = torch.stack([preprocessing(draw(kind, rank)[0]) for rank, kind in enumerate(kinds.tolist())])
    features = extract_features(
        model, layer_groups(model), inputs.split(12), training_statistics=not pretrained
    ).penultimate
    head = model.get_submodule(classifier_name(model))
    assert isinstance(head, torch.nn.Linear)
    solve_head(features, kinds, n_classes=len(NAMES), seed=0).install(head)
    model.eval().requires_grad_(False)
    return Bundle(Path("none"), model, NAMES, preprocessing, backbone.name)


def share_inside(heat: np.ndarray, box: Box) -> float:  # type: ignore[type-arg]
    left, top, right, bottom = box
    return float(heat[top:bottom, left:right].sum() / heat.sum())
