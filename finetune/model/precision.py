"""The precision a network computes in: fp32, or mixed with bf16 or fp16 where the hardware has it."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Literal

import torch

from finetune.errors import OptionError
from finetune.model.device import best_device

Concrete = Literal["fp32", "bf16", "fp16"]

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_PROCESSOR_FLAGS = ("amx_bf16", "avx512_bf16")


def detect(device: torch.device | None = None) -> Concrete:
    """Return ``bf16`` where ``device`` (default: the fastest at hand) multiplies it in hardware, else ``fp32``.

    That it can does not mean that it is faster: depthwise convolutions, of which EfficientNet is made, may
    be slower in bf16 on a processor. `finetune.training.fastest` times both.
    """
    device = device or best_device()
    if device.type == "cuda":
        has_it = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        # Not AVX512 alone, nor AMX tiles alone: without the bf16 instructions it is emulated, and slower.
        has_it = any(torch.cpu.get_capabilities().get(flag, False) for flag in _PROCESSOR_FLAGS)
    else:
        has_it = False
    return "bf16" if has_it else "fp32"


def refuse_impossible(precision: str | None, device: torch.device | None = None) -> None:
    """Raise OptionError for fp16 anywhere but on a CUDA GPU: elsewhere it is slow and runs out of range."""
    device = device or best_device()
    if precision == "fp16" and device.type != "cuda":
        raise OptionError(
            f"--precision fp16 needs a CUDA GPU, but this computer trains on '{device.type}'; "
            "use --precision auto, bf16 or fp32"
        )


def autocast(precision: Concrete, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which a network's forward pass on ``device`` computes in ``precision``.

    Weights stay float32; outputs come in the lower precision, so turn logits back with ``.float()`` before
    any loss.
    """
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])
