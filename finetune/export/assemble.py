"""Put preparation, network and answer into one ONNX model, with what a program must know as metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from finetune.data.transforms import Preprocessing
from finetune.export.network import LOGITS, PIXELS
from finetune.export.preparation import Preparation

PROBABILITIES = "probabilities"


def assemble(
    network: onnx.ModelProto,
    preprocessing: Preprocessing,
    *,
    class_names: Sequence[str],
    temperature: float,
    facts: Mapping[str, str],
) -> onnx.ModelProto:
    """Return ``network``, which is changed in place, as a graph from images to class probabilities.

    Takes ``images``, N x H x W x 3 uint8 RGB of one size; gives ``probabilities``, N x K float32 that sum to 1, and
    ``logits``, N x K float32 before they are divided by ``temperature``. The metadata holds ``class_names`` (a JSON
    list in index order), ``temperature`` and ``facts``.
    """
    graph = network.graph
    preparation = Preparation(preprocessing, PIXELS)
    scale = numpy_helper.from_array(np.array(temperature, np.float32), "answer/temperature")
    answer = [
        helper.make_node("Div", [LOGITS, scale.name], ["answer/scaled"], "answer/scaled"),
        helper.make_node("Softmax", ["answer/scaled"], [PROBABILITIES], "answer/softmax", axis=1),
    ]
    nodes = [*preparation.nodes, *graph.node, *answer]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.input.append(preparation.input)
    graph.output.extend(_per_class(name, len(class_names)) for name in (PROBABILITIES, LOGITS))
    graph.initializer.extend([*preparation.constants, scale])
    graph.name = "classifier"
    metadata = {
        "class_names": json.dumps(list(class_names), ensure_ascii=False),
        "temperature": repr(temperature),
        **facts,
    }
    helper.set_model_props(network, metadata)
    network.producer_name = "finetune-strategies"
    onnx.checker.check_model(network)
    return network


def _per_class(name: str, n_classes: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["images", n_classes])
