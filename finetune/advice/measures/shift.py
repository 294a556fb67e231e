"""How far the images' statistics inside the network lie from those that it was trained with. Needs no labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.hooks import RemovableHandle

MOST_POSITIONS = 28
"""Of a map's rows and columns that are looked at: 784 positions an image say what all 12,544 of a first layer do."""


@dataclass(frozen=True)
class LayerShift:
    """What one batch-norm layer sees: ``value`` is the mean over its channels, 0 where nothing has shifted."""

    layer: str
    value: float


def shift_of(mean: Tensor, std: Tensor, kept_mean: Tensor, kept_variance: Tensor, *, eps: float) -> float:
    """Return the mean over channels of [(m - mu)^2 + (s - sigma)^2] / (sigma^2 + eps).

    ``mean`` m and ``std`` s are the images', mu and sigma the network's own: the squared 2-Wasserstein distance of
    the two normal distributions (Givens and Shortt, 1984), in units of the layer's variance.
    """
    moved = (mean - kept_mean) ** 2 + (std - kept_variance.sqrt()) ** 2
    return float((moved / (kept_variance + eps)).mean())


class ShiftWatch:
    """Within its block, what the batch norms of ``model`` that keep statistics see; it rides on any pass.

    Use it as a context manager around a pass in eval mode, or several, and ask for `shifts` afterwards. The
    statistics are those of all images that went through. Compare values of one network at one image size only.
    """

    def __init__(self, model: nn.Module) -> None:
        self._norms = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, _BatchNorm) and module.running_mean is not None
        }
        self._seen = {name: _Moments() for name in self._norms}
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> ShiftWatch:
        """Begin to watch."""
        self._hooks = [
            module.register_forward_pre_hook(self._seen[name].take) for name, module in self._norms.items()
        ]
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the network as it was."""
        for hook in self._hooks:
            hook.remove()

    def shifts(self) -> tuple[LayerShift, ...]:
        """Return the shift of each layer that saw images, in the network's order; empty where it has none."""
        return tuple(_shift(name, self._norms[name], seen) for name, seen in self._seen.items() if seen.count)


def early_and_late(shifts: tuple[LayerShift, ...]) -> tuple[float, float]:
    """Return the mean shift of the first half of the layers and of the rest: it says where to thaw.

    Early layers see a change of pixels, late ones a change of things (Lee et al., *Surgical fine-tuning improves
    adaptation to distribution shifts*, ICLR 2023). At least two layers.
    """
    half = len(shifts) // 2
    early, late = ([shift.value for shift in part] for part in (shifts[:half], shifts[half:]))
    return sum(early) / len(early), sum(late) / len(late)


class _Moments:
    """Running sums over images and positions of each channel, in double precision from batch to batch."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: Tensor = torch.zeros(())
        self._squares: Tensor = torch.zeros(())

    def take(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = _thinned(inputs[0])
        over = [axis for axis in range(values.ndim) if axis != 1]
        count = values.numel() // values.shape[1]
        variance, mean = (part.double() for part in torch.var_mean(values.float(), over, correction=0))
        self.count += count
        self._sum = self._sum + count * mean
        self._squares = self._squares + count * (variance + mean**2)

    def mean_and_std(self) -> tuple[Tensor, Tensor]:
        mean = self._sum / self.count
        return mean, (self._squares / self.count - mean**2).clamp_min(0).sqrt()


def _thinned(values: Tensor) -> Tensor:
    """Return N x C x H x W ``values`` at no more than `MOST_POSITIONS` rows and columns, evenly spread."""
    if values.ndim != 4:
        return values
    down, across = (math.ceil(side / MOST_POSITIONS) for side in values.shape[2:])
    return values[:, :, ::down, ::across].contiguous()


def _shift(name: str, norm: _BatchNorm, moments: _Moments) -> LayerShift:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, std = moments.mean_and_std()
    value = shift_of(mean, std, norm.running_mean.double(), norm.running_var.double(), eps=norm.eps)
    return LayerShift(name, value)
