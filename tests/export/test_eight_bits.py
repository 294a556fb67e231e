"""An int8 network: its convolutions are quantised, its classifier and what feeds it are not."""

import numpy as np
import onnx
import pytest
import torch

from finetune.export.network import network_graph
from finetune.export.precision import in_eight_bits
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.heads import HeadSpec
from finetune.model.weights import NO_WEIGHTS

SIDE_PX = 64


def images(n_images: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n_images, 3, SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(seed))


def spread_out(model: torch.nn.Module) -> torch.nn.Module:
    """Give the classifier's inputs very different weights, as a head that was solved on standardised ones has."""
    classifier = model.get_classifier()  # type: ignore[operator]
    sizes = torch.logspace(-3, 3, classifier.in_features)
    with torch.no_grad():
        classifier.weight.mul_(sizes[torch.randperm(len(sizes), generator=torch.Generator().manual_seed(1))])
    return model


@pytest.mark.parametrize("head", [HeadSpec("linear"), HeadSpec("multi-stage")], ids=lambda head: head.kind)
def test_the_classifier_keeps_its_weights_and_gets_features_of_full_precision(head: HeadSpec) -> None:
    backbone = find_backbone("test_resnet")
    built = build(backbone, n_classes=3, weights=NO_WEIGHTS, seed=2, image_size=SIDE_PX, head=head)
    model = spread_out(built).eval()
    graph = network_graph(model, SIDE_PX)
    quantised = in_eight_bits(graph, (image[None].numpy() for image in images(16)))
    producers = {output: node for node in quantised.graph.node for output in node.output}
    operators = [node.op_type for node in quantised.graph.node]
    convolutions = [node for node in quantised.graph.node if node.op_type == "Conv"]
    assert convolutions
    assert all(producers[name].op_type == "DequantizeLinear" for node in convolutions for name in node.input)
    (classifier,) = [node for node in quantised.graph.node if node.op_type in ("Gemm", "MatMul")]
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in quantised.graph.initializer}
    kept = model.get_classifier().weight.detach().numpy()  # type: ignore[operator]
    assert any(
        np.array_equal(weights[name], other) for name in classifier.input[1:2] for other in (kept, kept.T)
    )
    fed_by = producers[classifier.input[0]].op_type
    assert fed_by not in ("DequantizeLinear", "QuantizeLinear"), operators
