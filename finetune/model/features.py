"""Run a network once over images and keep what each layer group and the classifier's input saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from finetune.model.device import best_device
from finetune.model.inference import inferring
from finetune.model.layers import Grouping, classifier_name
from finetune.model.precision import Concrete

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """Features of n images, as float32 arrays in the order the images came.

    ``penultimate``: n x d, the classifier's input. ``stages``: for each group's name n x channels, the mean
    over positions of the group's output (empty when only the penultimate layer was asked for).
    """

    penultimate: FloatArray
    stages: dict[str, FloatArray]

    def pooled(self) -> FloatArray:
        """Return all stages and the penultimate layer side by side, n x (sum of channels)."""
        return np.concatenate([*self.stages.values(), self.penultimate], axis=1)


def extract_features(
    model: nn.Module,
    grouping: Grouping,
    batches: Iterable[Tensor],
    *,
    with_stages: bool = False,
    training_statistics: bool = False,
    precision: Concrete = "fp32",
    progress: Callable[[int], None] | None = None,
) -> Features:
    """Run ``batches`` (each B x 3 x H x W, normalised) through ``model`` in eval mode.

    ``training_statistics`` normalises with each batch's own statistics instead of the running ones (for a
    network with random weights, whose running statistics mean nothing); the running ones are not changed, and
    each module is left in the mode it was in.
    ``precision`` is what the network computes in; the features are float32 in any case.
    ``progress`` is called with the number of images done in each batch.
    """
    collected: dict[str, list[Tensor]] = {}
    hooks = _hooks(model, grouping, collected, with_stages)
    modes = [(module, module.training) for module in model.modules()]
    device = best_device()
    model.to(device).to(memory_format=torch.channels_last)
    model.eval()
    try:
        with inferring(precision, device), _batch_statistics(model, training_statistics):
            for batch in batches:
                model(batch.to(device).contiguous(memory_format=torch.channels_last))
                if progress is not None:
                    progress(len(batch))
    finally:
        for hook in hooks:
            hook.remove()
        for module, was_training in modes:
            module.training = was_training
        model.cpu()
    arrays = {name: torch.cat(parts).float().cpu().numpy() for name, parts in collected.items()}
    return Features(arrays.pop("penultimate"), arrays)


def _hooks(
    model: nn.Module, grouping: Grouping, collected: dict[str, list[Tensor]], with_stages: bool
) -> list[torch.utils.hooks.RemovableHandle]:
    def keep(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: collected.setdefault(name, []).append(channel_means(output))

    def keep_input(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        collected.setdefault("penultimate", []).append(inputs[0].detach().clone())

    hooks = [model.get_submodule(classifier_name(model)).register_forward_pre_hook(keep_input)]
    if with_stages:
        hooks += [
            model.get_submodule(exit).register_forward_hook(keep(name))
            for name, exit in grouping.exits.items()
        ]
    return hooks


def channel_means(output: Tensor) -> Tensor:
    """Mean over positions: N x C x H x W or N x tokens x C become N x C."""
    if output.ndim == 4:
        return output.mean(dim=(2, 3))
    return output.mean(dim=1) if output.ndim == 3 else output.clone()


@contextmanager
def _batch_statistics(model: nn.Module, active: bool) -> Iterator[None]:
    """Within the block batch norm uses each batch's own statistics and keeps its running ones unchanged."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)] if active else []
    tracked = [norm.track_running_stats for norm in norms]
    for norm in norms:
        norm.train()
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm, was_tracked in zip(norms, tracked, strict=True):
            norm.track_running_stats = was_tracked
