"""From a network to an ONNX graph: normalised pixels in, logits out, any number of images at once."""

from __future__ import annotations

import copy
import tempfile
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from torch.jit import TracerWarning  # type: ignore[attr-defined]

from finetune.errors import RunError
from finetune.export.pooling import MatrixPooling
from finetune.model.layers import classifier_name

OPSET = 18
"""The first with an antialiased Resize; the newest that ONNX Runtime from 1.14 on knows."""
PIXELS, LOGITS, FEATURES = "pixels", "logits", "features"


class _WithFeatures(nn.Module):
    """A network that also gives what its classifier takes in, N x d."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._heard: list[Tensor] = []
        model.get_submodule(classifier_name(model)).register_forward_pre_hook(self._hear)

    def _hear(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self._heard[:] = inputs

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return N x K logits and N x d features of N x 3 x S x S ``pixels``."""
        return self.model(pixels), self._heard[0]


def network_graph(model: nn.Module, image_size: int, *, with_features: bool = False) -> onnx.ModelProto:
    """Return ``model`` in eval mode as a graph from `PIXELS`, N x 3 x S x S float32, to `LOGITS`, N x K.

    S is ``image_size``. With ``with_features`` the graph also gives `FEATURES`, N x d: what the classifier takes in.
    Batch norms are folded into the convolutions before them. Raises RunError for a network that cannot be exported.
    """
    on_cpu = copy.deepcopy(model).cpu().to(memory_format=torch.contiguous_format).eval()
    try:
        if with_features:
            return _traced(_WithFeatures(on_cpu), image_size, [LOGITS, FEATURES])
        return _traced(on_cpu, image_size, [LOGITS])
    except torch.onnx.errors.OnnxExporterError as error:
        raise RunError(
            f"this network cannot be written as ONNX ({str(error).splitlines()[0]}); use the bundle itself"
        ) from error


def _traced(model: nn.Module, image_size: int, outputs: list[str]) -> onnx.ModelProto:
    """Let torch trace ``model``: torch.export needs 30 s of a core for EfficientNet-Lite0, tracing one."""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "network.onnx"
        with warnings.catch_warnings(), torch.no_grad(), MatrixPooling():
            warnings.simplefilter("ignore", DeprecationWarning)
            # Branches on the image's size are settled by it, and it is always the same here.
            warnings.simplefilter("ignore", TracerWarning)
            torch.onnx.export(
                model,
                # Two images: with one, the batch could be taken for a constant.
                (torch.zeros(2, 3, image_size, image_size),),
                str(written),
                dynamo=False,
                opset_version=OPSET,
                input_names=[PIXELS],
                output_names=outputs,
                dynamic_axes={name: {0: "images"} for name in (PIXELS, *outputs)},
            )
        return onnx.load(written)
