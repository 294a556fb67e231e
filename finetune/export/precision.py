"""A network's graph in half precision or in 8-bit integers; its inputs and outputs stay float32."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from finetune.errors import RunError
from finetune.export.network import LOGITS, PIXELS

Precision = Literal["fp32", "fp16", "int8"]
WITH_WEIGHTS = ("Conv", "Gemm", "MatMul")
ACTIVATIONS = ("Clip", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "Erf")
"""They belong to what is before them: runtimes compute both at once."""
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")


def in_half(network: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``network`` with float16 weights and sums; a norm stays float32, since its squares pass 65504."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    with warnings.catch_warnings():
        # Weights below 1e-7 become 1e-7: the check on images tells what that costs.
        warnings.simplefilter("ignore", UserWarning)
        half: onnx.ModelProto = convert_float_to_float16(
            network, keep_io_types=True, op_block_list=[*DEFAULT_OP_BLOCK_LIST, "ReduceL2"]
        )
    OnnxModel(half).topological_sort()  # the converter puts the casts of inputs at the end
    return half


def in_eight_bits(network: onnx.ModelProto, batches: Iterable[NDArray[np.float32]]) -> onnx.ModelProto:
    """Return ``network`` with int8 weights (a scale a channel) and uint8 activations.

    Their ranges are the least and largest values on ``batches``, each N x 3 x S x S float32 of normalised training
    images. Weights use 7 bits of the 8: products of two full ones overflow the sums of processors before VNNI
    and would give other labels there (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).
    The classifier and the pooling before it stay float32: a head that was solved on standardised features has weights
    of very different sizes, of which one scale leaves the largest. Raises RunError for a network that cannot be
    quantised.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        plain, ready, done = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "done.onnx"))
        onnx.save(network, plain)
        try:
            quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
            quantize_static(
                str(ready),
                str(done),
                _reader(iter(batches)),
                nodes_to_exclude=classifier_nodes(onnx.load(ready)),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                reduce_range=True,
                calibrate_method=CalibrationMethod.MinMax,
            )
        except (ValueError, RuntimeError, NotImplementedError) as error:
            raise RunError(
                f"this network cannot be quantised ({str(error).splitlines()[0]}); use --precision fp32 or fp16"
            ) from error
        quantised = onnx.load(done)
    assert [output.name for output in quantised.graph.output] == [LOGITS]
    return quantised


def classifier_nodes(network: onnx.ModelProto) -> list[str]:
    """Return the names of the classifier's node and of those before it that have no weights, such as pooling."""
    producers = {output: node for node in network.graph.node for output in node.output}
    names: list[str] = []
    waiting, has_classifier = [LOGITS], False
    while waiting:
        node = producers.get(waiting.pop(0))
        if node is None or node.name in names:
            continue
        if node.op_type in WITH_WEIGHTS:
            if has_classifier:
                continue
            has_classifier = True
        elif node.op_type in ACTIVATIONS:
            continue
        names.append(node.name)
        waiting += node.input
    return names


def _reader(batches: Iterator[NDArray[np.float32]]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            batch = next(batches, None)
            return None if batch is None else {PIXELS: batch}

    return Reader()
