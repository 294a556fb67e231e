"""Fit a head that has no closed solution to fixed features, in a few hundred steps in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from finetune.model.features import FloatArray

STEPS = 400
BATCH_SIZE = 128
LR = 3e-3
WEIGHT_DECAY = 0.01
TOLD_EVERY = 20


def step_head(
    head: nn.Module,
    features: FloatArray,
    targets: NDArray[np.int64],
    *,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Train ``head`` in place on ``features`` n x d and ``targets`` n in [0, K); it keeps its mode.

    AdamW, the rate falling linearly to 0. Batches and dropout are drawn from ``seed`` alone, and torch's own
    generator is left as it was. ``progress`` gets (done, total) steps.
    """
    inputs, labels = torch.from_numpy(features), torch.from_numpy(targets)
    optimizer = torch.optim.AdamW(head.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    was_training = head.training
    head.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = LR * (1 - step / STEPS)
            rows = torch.randint(len(labels), (min(BATCH_SIZE, len(labels)),))
            optimizer.zero_grad()
            F.cross_entropy(head(inputs[rows]), labels[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if progress is not None and (step + 1) % TOLD_EVERY == 0:
                progress(step + 1, STEPS)
    optimizer.zero_grad()
    head.train(was_training)
