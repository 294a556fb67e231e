"""Every backbone of the catalogue and every head becomes a graph that gives the same logits for any batch."""

import numpy as np
import pytest
import torch
from test_parts import SPECS, spec_id, with_head

from finetune.export.network import LOGITS, PIXELS, network_graph
from finetune.model.backbones import CATALOGUE, find_backbone
from finetune.model.build import build
from finetune.model.heads import HeadSpec
from finetune.model.weights import NO_WEIGHTS

LARGE = tuple(name for name in CATALOGUE if name.startswith("vgg") and name != "vgg11_bn")
"""VGG's four depths share all their operators, and each takes half a gigabyte: one stands for them."""


def differences(model: torch.nn.Module, side_px: int) -> list[float]:
    import onnxruntime

    graph = network_graph(model, side_px)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found = []
    for n_images in (1, 3):
        pixels = torch.randn(n_images, 3, side_px, side_px, generator=torch.Generator().manual_seed(n_images))
        with torch.no_grad():
            expected = model.eval()(pixels).numpy()
        (logits,) = session.run([LOGITS], {PIXELS: pixels.numpy()})
        assert logits.shape == expected.shape
        found.append(float(np.abs(logits - expected).max() / max(1, np.abs(expected).max())))
    return found


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name not in LARGE])
def test_every_backbone_of_the_catalogue_gives_the_same_logits(name: str) -> None:
    backbone = find_backbone(name)
    side_px = backbone.image_size if backbone.fixed_size else 64
    model = build(backbone, n_classes=3, weights=NO_WEIGHTS, seed=1, image_size=side_px)
    assert max(differences(model, side_px)) < 1e-4


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_vit"])
@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_every_head_gives_the_same_logits(spec: HeadSpec, name: str) -> None:
    assert max(differences(with_head(spec, name), 64)) < 1e-4
