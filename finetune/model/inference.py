"""How a network that is not training runs: its precision, and one digest for all that its outputs depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from finetune.model.device import best_device
from finetune.model.precision import Concrete, autocast, detect

SMALL_NETWORK = 1_000_000
"""Parameters below which a forward pass is too short for bf16 to pay."""


def inference_precision(model: nn.Module, device: torch.device | None = None) -> Concrete:
    """Return ``bf16`` where ``device`` has it in hardware and ``model`` is not tiny, else ``fp32``.

    Not timed, so that a machine answers alike each time: in seconds of one AVX512-BF16 core an image at 224 px,
    bf16 took 0.4 to 0.55 of fp32 for ResNet-18 and -50, EfficientNet-Lite0, MobileNetV3, VGG-11 and ConvNeXt-T.
    """
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    return detect(device) if n_parameters >= SMALL_NETWORK else "fp32"


@contextmanager
def inferring(precision: Concrete, device: torch.device | None = None) -> Iterator[None]:
    """Within the block no gradients are kept, and networks compute in ``precision``."""
    with torch.inference_mode(), autocast(precision, device or best_device()):
        yield


def state_digest(model: nn.Module, *, without: str) -> str:
    """Return 32 hex digits for how ``model`` is built and its tensors' bits, all but what is below ``without``.

    Tensors alone would not do: networks that differ in padding, strides or activations may share them all.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, module in model.named_modules():
        if not f"{name}.".startswith(f"{without}.") and not any(module.children()):
            digest.update(f"{name} {module!r}".encode())
    for name, tensor in model.state_dict().items():
        if not name.startswith(f"{without}."):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            # Not numpy's own type: it has no bf16.
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
