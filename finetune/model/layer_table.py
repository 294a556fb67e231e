"""A network layer by layer: what each takes its kernel, stride and padding to be, and what size that gives.

Sizes are computed by the formula, H_out = floor((H - K + 2P) / S) + 1, not measured; the tests hold them against
what the layers really give.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from finetune.model.backbones import Backbone
from finetune.model.build import build_empty
from finetune.model.windows import WINDOWED, Pair, Window, by


@dataclass(frozen=True)
class LayerRow:
    """One layer. ``output`` are its sides, channels first; ``padding`` reads ``1`` or, where they differ, ``0+1``.

    ``kernel``, ``stride`` and ``padding`` are empty where the layer has no window; ``computed`` is the output's
    height and width by the formula, None there.
    """

    name: str
    kind: str
    kernel: str
    stride: str
    padding: str
    output: tuple[int, ...]
    computed: Pair | None
    n_parameters: int

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON-ready values."""
        return asdict(self)


def layer_table(backbone: Backbone, *, n_classes: int, image_size: int | None = None) -> list[LayerRow]:
    """Return one row a layer in the order in which an image meets them, without weights or memory for them.

    Raises WeightsError when timm cannot build the network.
    """
    side = image_size or backbone.image_size
    model = build_empty(backbone, n_classes=n_classes, image_size=side)
    return layer_rows(model, image_size=side)


def layer_rows(model: nn.Module, *, image_size: int) -> list[LayerRow]:
    """Return the rows of ``model`` for a square input of ``image_size`` pixels."""
    rows: list[LayerRow] = []

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            rows.append(_row(name, module, inputs[0], output))

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in _leaves(model)]
    device = next(model.parameters()).device
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.eval()(torch.zeros(1, 3, image_size, image_size, device=device))
    for handle in hooks:
        handle.remove()
    return rows


def _leaves(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return the modules that do the work; timm's batch norms, which carry their activation, count as one."""
    found: list[tuple[str, nn.Module]] = []
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{above}.") for above, kind in found if isinstance(kind, _BatchNorm))
        is_leaf = isinstance(module, _BatchNorm) or not list(module.children())
        if is_leaf and not inside and not isinstance(module, (nn.Identity, nn.Dropout)):
            found.append((name, module))
    return found


def _row(name: str, module: nn.Module, taken: Tensor, given: Tensor) -> LayerRow:
    kernel = stride = padding = ""
    computed = None
    if isinstance(module, WINDOWED):
        window = Window.of(module)
        sides = taken.shape[-2], taken.shape[-1]
        kernel, stride = by(window.kernel), by(window.stride)
        padding, computed = window.padding_text(sides), window.output(sides)
    own = sum(parameter.numel() for parameter in module.parameters())
    return LayerRow(
        name, type(module).__name__, kernel, stride, padding, tuple(given.shape[1:]), computed, own
    )
