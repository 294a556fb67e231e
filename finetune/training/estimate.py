"""How long training will take on this machine, measured on a few real batches before it starts."""

from __future__ import annotations

import copy
import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from finetune.data.findings import amount
from finetune.model.device import best_device

if TYPE_CHECKING:
    from finetune.training.tuner import Tuner

WARM_UP_BATCHES = 2
TIMED_BATCHES = 3
LONG_MINUTES = 10.0
SHORT_BUDGET_MINUTES = 10


@dataclass(frozen=True)
class Estimate:
    """Measured seconds for one training step with its loading, and one validated image; and the plan."""

    step_s: float
    validated_image_s: float
    steps_per_epoch: int
    n_val: int

    @property
    def epoch_s(self) -> float:
        """Return the seconds of one epoch, validation included."""
        return self.step_s * self.steps_per_epoch + self.validated_image_s * self.n_val

    def minutes(self, epochs: int) -> float:
        """Return the minutes of ``epochs`` epochs."""
        return epochs * self.epoch_s / 60

    def epochs_within(self, minutes: float) -> int:
        """Return how many epochs fit into ``minutes``, at least one."""
        return max(1, math.floor(60 * minutes / self.epoch_s))


def measure_speed(
    tuner: Tuner, loader: DataLoader[tuple[torch.Tensor, int]], *, steps_per_epoch: int, n_val: int
) -> Estimate:
    """Time a few batches of ``loader`` on a copy of ``tuner``, which stays as it is.

    ``loader`` should hold no more than the few batches that are timed here.
    """
    device = best_device()
    trial = copy.deepcopy(tuner).to(device)
    trial.train()
    optimizer = trial.configure_optimizers()["optimizer"]
    seconds: list[float] = []
    started = time.perf_counter()
    for images, targets in loader:
        images, targets = images.to(device), targets.to(device)
        loss: Any = torch.nn.functional.cross_entropy(trial(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    timed = seconds[WARM_UP_BATCHES:] or seconds
    # The median: one batch may wait for the loader's processes to start.
    return Estimate(statistics.median(timed), _forward_s(trial, images), steps_per_epoch, n_val)


def _forward_s(trial: Tuner, images: torch.Tensor) -> float:
    trial.eval()
    with torch.no_grad():
        trial(images)
        started = time.perf_counter()
        trial(images)
    return (time.perf_counter() - started) / len(images)


def describe_minutes(minutes: float) -> str:
    """Return a length of time in words: ``40 seconds``, ``3.2 minutes``, ``2.1 hours``."""
    if minutes < 1.5:
        return amount(max(1, round(60 * minutes)), "second")
    return f"{minutes:.1f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"


def suggestions(minutes: float, image_size: int) -> str:
    """Return how to make a long run shorter, or an empty string for one under ten minutes."""
    if minutes <= LONG_MINUTES:
        return ""
    fewer = f"--max-minutes {SHORT_BUDGET_MINUTES} (fewer epochs)"
    smaller = max(32, image_size // 2 // 32 * 32)
    if smaller >= image_size:
        return f"to shorten it: {fewer}"
    times = (image_size / smaller) ** 2
    return (
        f"to shorten it: --image-size {smaller} (about {times:.0f} times faster, some detail lost) or {fewer}"
    )
