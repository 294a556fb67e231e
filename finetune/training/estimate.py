"""How long training will take on this machine, measured on a few real batches before it starts."""

from __future__ import annotations

import copy
import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.utils.data import DataLoader

from finetune.data.health.findings import amount
from finetune.model.device import best_device

if TYPE_CHECKING:
    from finetune.training.tuner import Tuner

WARM_UP_BATCHES = 2
TIMED_BATCHES = 3
LONG_MINUTES = 10.0
SHORT_BUDGET_MINUTES = 10


@dataclass(frozen=True)
class Estimate:
    """Measured seconds for one training batch with its loading, and one validated image; and the plan.

    ``accumulate`` batches make one optimizer step. Each of the first ``fresh_epochs``
    takes ``fresh_s`` more.
    """

    batch_s: float
    validated_image_s: float
    batches_per_epoch: int
    n_val: int
    accumulate: int = 1
    fresh_s: float = 0.0
    fresh_epochs: int = 0

    @property
    def steps_per_epoch(self) -> int:
        """Return the optimizer steps of one epoch."""
        return math.ceil(self.batches_per_epoch / self.accumulate)

    @property
    def step_s(self) -> float:
        """Return the seconds of one full optimizer step."""
        return self.batch_s * min(self.accumulate, self.batches_per_epoch)

    @property
    def epoch_s(self) -> float:
        """Return the seconds of one epoch, validation included."""
        return self.batch_s * self.batches_per_epoch + self.validated_image_s * self.n_val

    def minutes(self, epochs: int) -> float:
        """Return the minutes of ``epochs`` epochs."""
        return (epochs * self.epoch_s + min(epochs, self.fresh_epochs) * self.fresh_s) / 60

    def epochs_within(self, minutes: float) -> int:
        """Return how many epochs fit into ``minutes``, at least one."""
        fresh = math.floor(60 * minutes / (self.epoch_s + self.fresh_s))
        if fresh < self.fresh_epochs:
            return max(1, fresh)
        return max(1, math.floor((60 * minutes - self.fresh_epochs * self.fresh_s) / self.epoch_s))


def measure_speed(
    tuner: Tuner,
    loader: DataLoader[tuple[torch.Tensor, int]],
    *,
    batches_per_epoch: int,
    n_val: int,
    accumulate: int = 1,
) -> Estimate:
    """Time a few batches of ``loader`` on a copy of ``tuner``, which stays as it is.

    ``loader`` should hold no more than the few batches that are timed here.
    """
    trial = Trial(tuner)
    seconds: list[float] = []
    started = time.perf_counter()
    for images, targets in loader:
        trial.step(images, targets)
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    timed = seconds[WARM_UP_BATCHES:] or seconds
    # The median: one batch may wait for the loader's processes to start.
    batch_s = statistics.median(timed)
    return Estimate(batch_s, trial.forward_s(images), batches_per_epoch, n_val, accumulate)


class Trial:
    """A copy of a tuner, on the fastest device, that real training steps may spoil."""

    def __init__(self, tuner: Tuner) -> None:
        self._device = best_device()
        self._tuner = copy.deepcopy(tuner).to(self._device).train()
        self._optimizer = self._tuner.configure_optimizers()["optimizer"]

    @property
    def model(self) -> torch.nn.Module:
        """Return the copy of the network."""
        return self._tuner.model

    def step(self, images: torch.Tensor, targets: torch.Tensor) -> float:
        """Take one step on a batch from the processor's memory, mixing and penalties included; return its seconds."""
        started = time.perf_counter()
        images, targets = images.to(self._device), targets.to(self._device)
        _, loss = self._tuner.losses(images, targets)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._wait()
        return time.perf_counter() - started

    def forward_s(self, images: torch.Tensor) -> float:
        """Return the seconds an image takes without gradients, in eval mode, after a warm-up."""
        self._tuner.eval()
        images = images.to(self._device)
        with torch.no_grad():
            self._tuner(images)
            self._wait()
            started = time.perf_counter()
            self._tuner(images)
            self._wait()
        return (time.perf_counter() - started) / len(images)

    def _wait(self) -> None:
        """Let a GPU come to the end of what it was told to do: it works on while Python goes on."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


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
