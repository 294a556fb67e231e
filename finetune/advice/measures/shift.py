"""How far the images' statistics inside the network lie from those that it was trained with. Needs no labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


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


def batch_norm_shift(model: nn.Module, batches: Iterable[Tensor]) -> tuple[LayerShift, ...]:
    """Return the shift at each batch norm that keeps statistics, in the network's order; empty where it has none.

    ``batches``, each B x 3 x H x W and normalised, run through ``model`` in eval mode; the statistics are those of
    all of them together. Compare values of one network at one image size only.
    """
    seen: dict[str, _Moments] = {}
    norms = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    }
    hooks = [
        module.register_forward_pre_hook(seen.setdefault(name, _Moments()).take)
        for name, module in norms.items()
    ]
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in batches:
                model(batch)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    return tuple(_shift(name, norms[name], seen[name]) for name in norms if seen[name].count)


def early_and_late(shifts: tuple[LayerShift, ...]) -> tuple[float, float]:
    """Return the mean shift of the first half of the layers and of the rest: it says where to thaw.

    Early layers see a change of pixels, late ones a change of things (Lee et al., *Surgical fine-tuning improves
    adaptation to distribution shifts*, ICLR 2023). At least two layers.
    """
    half = len(shifts) // 2
    early, late = ([shift.value for shift in part] for part in (shifts[:half], shifts[half:]))
    return sum(early) / len(early), sum(late) / len(late)


class _Moments:
    """Running sums over images and positions of each channel, in double precision."""

    def __init__(self) -> None:
        self.count = 0
        self._sum: Tensor = torch.zeros(())
        self._squares: Tensor = torch.zeros(())

    def take(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].double()
        over = [axis for axis in range(values.ndim) if axis != 1]
        self.count += values.numel() // values.shape[1]
        self._sum = self._sum + values.sum(over)
        self._squares = self._squares + values.square().sum(over)

    def mean_and_std(self) -> tuple[Tensor, Tensor]:
        mean = self._sum / self.count
        return mean, (self._squares / self.count - mean**2).clamp_min(0).sqrt()


def _shift(name: str, norm: _BatchNorm, moments: _Moments) -> LayerShift:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, std = moments.mean_and_std()
    value = shift_of(mean, std, norm.running_mean.double(), norm.running_var.double(), eps=norm.eps)
    return LayerShift(name, value)
