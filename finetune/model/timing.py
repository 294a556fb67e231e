"""How long a network takes for an image on this machine, measured."""

from __future__ import annotations

from time import perf_counter

import torch
from torch import Tensor, nn

from finetune.model.device import best_device
from finetune.model.inference import inferring

TIMED_PASSES = 5


def forward_ms(model: nn.Module, images: Tensor) -> float:
    """Return the milliseconds an image of a forward pass of ``images``, B x 3 x H x W, in fp32 on the best device.

    The fastest of `TIMED_PASSES` after one that warms up: what other programs take only ever adds to a time. The
    network is left in eval mode and on the processor.
    """
    device = best_device()
    model.to(device).to(memory_format=torch.channels_last).eval()
    batch = images.to(device).contiguous(memory_format=torch.channels_last)
    try:
        with inferring("fp32", device):
            _pass_s(model, batch, device)
            seconds = min(_pass_s(model, batch, device) for _ in range(TIMED_PASSES))
    finally:
        model.cpu()
    return 1000 * seconds / len(images)


def _pass_s(model: nn.Module, batch: Tensor, device: torch.device) -> float:
    begun = perf_counter()
    model(batch)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    return perf_counter() - begun
