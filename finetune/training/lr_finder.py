"""Search the peak learning rate on a copy: let it rise step by step, and read where the loss falls.

Smith, WACV 2017 (Cyclical learning rates), for the range test. As in fastai's "valley", the longest falling
subsequence of the smoothed loss is the stretch that counts; the point that is read is where half of its fall
lies behind, since its middle would move with the lowest rate tried.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torch.utils.data import DataLoader

from finetune.model.device import best_device
from finetune.recipe import Recipe
from finetune.training.tuner import Tuner

N_STEPS = 80
LOWEST, HIGHEST = 1e-6, 1.0
SMOOTHING = 0.9
DIVERGED = 4.0
"""Times the lowest loss so far: fastai's bound for ending the search."""
LEAST_FALL = 0.05
"""Share by which the loss must fall over the valley to call it one."""

Batches = DataLoader[tuple[Tensor, int]]


@dataclass(frozen=True)
class Search:
    """The head's learning rates tried, rising; the smoothed loss (nats) after each; the one found, or None."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    found: float | None


def search_lr(tuner: Tuner, batches: Batches, recipe: Recipe, *, n_steps: int = N_STEPS) -> Search:
    """Try ``n_steps`` rates from `LOWEST` to `HIGHEST` on a deep copy of ``tuner``; it stays as it is.

    ``recipe.lr`` must be set: each layer group keeps its share of it. One step takes ``recipe.accumulate``
    of ``batches``, which are gone through as often as needed. torch's generators stay as they are. The loss
    is the cross-entropy with the recipe's label smoothing, without penalties.
    """
    gpus = [best_device()] if best_device().type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(recipe.seed)
        losses = tuple(_losses(copy.deepcopy(tuner), _endless(batches), recipe, n_steps))
    rates = tuple(ramp(n_steps)[: len(losses)])
    place = valley(losses)
    return Search(rates, losses, None if place is None else rates[place])


def ramp(n_steps: int) -> list[float]:
    """Return ``n_steps`` rates from `LOWEST` to `HIGHEST`, each the same factor above the one before."""
    return [LOWEST * (HIGHEST / LOWEST) ** (step / (n_steps - 1)) for step in range(n_steps)]


def valley(losses: Sequence[float]) -> int | None:
    """Return the place in smoothed ``losses`` where half the fall of the longest falling subsequence is done.

    None where it is no clear one: shorter than a tenth of the search, or a fall of less than `LEAST_FALL`.
    """
    # The first rates move nothing, and the average is still young there.
    first = N_STEPS // 10
    lengths, before = [1] * len(losses), list(range(len(losses)))
    for end in range(first, len(losses)):
        for start in range(first, end):
            if losses[end] < losses[start] and lengths[start] + 1 > lengths[end]:
                lengths[end], before[end] = lengths[start] + 1, start
    if len(losses) <= first:
        return None
    end = max(range(first, len(losses)), key=lengths.__getitem__)
    path = [end]
    while before[path[-1]] != path[-1]:
        path.append(before[path[-1]])
    start, half = path[-1], (losses[path[-1]] + losses[end]) / 2
    if lengths[end] < N_STEPS // 10 or losses[end] > (1 - LEAST_FALL) * losses[start]:
        return None
    return next(place for place in reversed(path) if losses[place] <= half)


def _losses(trial: Tuner, batches: Iterator[Any], recipe: Recipe, n_steps: int) -> Iterator[float]:
    """Yield the smoothed loss after each step, until it is no number or has diverged."""
    trial = trial.to(best_device()).train()
    optimizer = trial.configure_optimizers()["optimizer"]
    average, lowest = 0.0, math.inf
    for step, rate in enumerate(ramp(n_steps), start=1):
        for group in optimizer.param_groups:
            group["lr"] = rate * group["initial_lr"] / (recipe.lr or 1.0)
        loss = _step(trial, optimizer, batches, recipe)
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smooth = average / (1 - SMOOTHING**step)
        lowest = min(lowest, smooth)
        if not math.isfinite(smooth) or smooth > DIVERGED * lowest:
            return
        yield smooth


def _step(trial: Tuner, optimizer: torch.optim.Optimizer, batches: Iterator[Any], recipe: Recipe) -> float:
    """Take one optimizer step and return the mean loss before it."""
    accumulate = recipe.accumulate or 1
    optimizer.zero_grad()
    total = 0.0
    for _ in range(accumulate):
        images, targets = (tensor.to(trial.device) for tensor in next(batches))
        smoothing = recipe.label_smoothing or 0.0
        loss = F.cross_entropy(trial(images), targets, label_smoothing=smoothing) / accumulate
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    limit = 1.0 if recipe.clip_norm is None else recipe.clip_norm
    if limit:
        torch.nn.utils.clip_grad_norm_(trial.parameters(), limit)
    optimizer.step()
    return total


def _endless(batches: Batches) -> Iterator[Any]:
    epoch = 0
    while True:
        batches.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        yield from batches
        epoch += 1
