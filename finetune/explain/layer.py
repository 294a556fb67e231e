"""The layer that Grad-CAM reads: the last one whose output still has places in the image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from finetune.errors import OptionError
from finetune.model.multi_stage import BODY

DEEPEST = 1
"""Dots in the name of a whole stage or block; below, a layer may be one branch of several."""


def map_layer(model: nn.Module, *, image_size: int) -> str | None:
    """Return the name of the last stage whose B x C x H x W output has more than one place a side, or None.

    Earlier stages have finer maps, but of parts that many classes share: in drawn images their maps left the
    object. None for a network without such an output, dense from the first layer on, and for one that goes on with
    tokens or with channels last. ``image_size`` is the input's side in pixels.
    """
    if getattr(model, "output_fmt", "NCHW") != "NCHW":  # timm's word for where the channels stand
        return None
    seen = _outputs(model, image_size)
    ranks = [rank for rank, (_, shape) in enumerate(seen) if len(shape) == 4 and min(shape[2:]) > 1]
    if not ranks or any(len(shape) == 3 for _, shape in seen[ranks[-1] :]):
        return None
    return seen[ranks[-1]][0]


def require_map_layer(model: nn.Module, *, image_size: int, backbone: str) -> str:
    """Return what `map_layer` finds; raises OptionError where there is none."""
    found = map_layer(model, image_size=image_size)
    if found is None:
        raise OptionError(
            f"{backbone} has no layer with places in the image, so there is no Grad-CAM map of it; "
            "use --method integrated-gradients"
        )
    return found


@torch.no_grad()
def _outputs(model: nn.Module, image_size: int) -> list[tuple[str, tuple[int, ...]]]:
    """Return the stages and blocks in the order in which they end, each with its output's shape."""
    seen: list[tuple[str, tuple[int, ...]]] = []

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                seen.append((name, tuple(output.shape)))

        return hook

    hooks = [
        module.register_forward_hook(keep(name))
        for name, module in model.named_modules()
        if name
        and name.removeprefix(f"{BODY}.").count(".") <= DEEPEST
        and not isinstance(module, nn.Identity)
    ]
    try:
        model(torch.zeros(1, 3, image_size, image_size, device=next(model.parameters()).device))
    finally:
        for handle in hooks:
            handle.remove()
    return seen
