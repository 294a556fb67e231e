"""Every backbone of the catalogue and every head becomes a graph that gives the same logits for any batch."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from finetune.export.network import LOGITS, PIXELS, network_graph
from finetune.export.pooling import window_means
from finetune.model.backbones import CATALOGUE, find_backbone
from finetune.model.build import build
from finetune.model.heads import HeadSpec
from finetune.model.weights import NO_WEIGHTS

LARGE = tuple(name for name in CATALOGUE if name.startswith("vgg") and name != "vgg11_bn")
"""VGG's four depths share all their operators, and each takes half a gigabyte: one stands for them."""


SPECS = (
    HeadSpec("dense", (7,), "tanh", dropout=0.5),
    HeadSpec("dense", (9, 5), "leaky-relu", 0.2),
    HeadSpec("cosine"),
    HeadSpec("multi-stage"),
)


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
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}{len(spec.hidden) or ''}")
def test_every_head_gives_the_same_logits(spec: HeadSpec, name: str) -> None:
    backbone = find_backbone(name)
    model = build(backbone, n_classes=4, weights=NO_WEIGHTS, seed=3, image_size=64, head=spec)
    assert max(differences(model, 64)) < 1e-4


@pytest.mark.parametrize(("n_in", "n_out"), [(2, 7), (3, 7), (8, 7), (7, 7), (1, 7)])
def test_pooling_by_matrices_is_torchs_own(n_in: int, n_out: int) -> None:
    images = torch.randn(2, 3, n_in, n_in + 1, generator=torch.Generator().manual_seed(0))
    expected = F.adaptive_avg_pool2d(images, (n_out, 5))
    found = window_means(n_in, n_out) @ images @ window_means(n_in + 1, 5).T
    assert torch.allclose(found, expected, atol=1e-6)
