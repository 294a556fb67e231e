"""Where a network runs: the first CUDA device, Apple's GPU, or the processor."""

from __future__ import annotations

import torch


def best_device() -> torch.device:
    """Return the fastest device at hand."""
    if torch.cuda.is_available():
        return torch.device("cuda", 0)
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
