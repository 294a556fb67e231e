"""Cut a network at its freeze line: what no step changes runs below it, what trains runs above.

The cut is found by watching one forward pass: it lies after the last module that ends before the first
trained layer begins. Below, the network runs until there; above, the network's own ``forward`` runs on a copy
of its outer shell in which everything below is passed through. Both halves share the network's layers.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

PROBES = 2


@dataclass(frozen=True)
class Halves:
    """The two halves of ``model``, with ``upper(lower(images)) == model(images)`` to the bit.

    ``cut`` is the name of the module whose output crosses the freeze line; ``below`` are the outermost
    modules up to it; ``shells`` are the copied containers above, each with the one it was copied from.
    """

    model: nn.Module
    cut: str
    below: tuple[nn.Module, ...]
    shells: tuple[tuple[nn.Module, nn.Module], ...]

    @torch.no_grad()
    def lower(self, images: Tensor) -> Tensor:
        """Return what crosses the freeze line for B x 3 x H x W ``images``; no graph is kept."""
        for module in self.below:
            module.eval()
        with _stopping_after(self.model.get_submodule(self.cut)):
            try:
                self.model(_channels_last(images))
            except _Reached as reached:
                return reached.output
        raise AssertionError(f"{self.cut} was not run")

    def upper(self, activations: Tensor) -> Tensor:
        """Return B x n_classes logits for what crossed the freeze line, in the model's present mode."""
        for shell, original in self.shells:
            shell.training = original.training
        logits: Tensor = self.shells[0][0](_channels_last(activations))
        return logits

    def state_below(self) -> dict[str, Tensor]:
        """Return the parameters and buffers that decide what crosses the freeze line, by place and name."""
        return {
            f"{place}.{name}": tensor
            for place, module in enumerate(self.below)
            for name, tensor in module.state_dict().items()
        }


def split_at_freeze_line(model: nn.Module, *, image_size: int) -> Halves | None:
    """Return the halves of ``model``, whose frozen parameters ask for no gradient, or None.

    None where nothing below is frozen, or where more than one tensor crosses the line: the halves are tried
    on noise, ``image_size`` pixels square, and must give the whole network's logits to the bit. The modes of
    the modules stay as they are.
    """
    modes = [(module, module.training) for module in model.modules()]
    weight = next(model.parameters())
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(PROBES, 3, image_size, image_size, generator=generator).to(weight)
    model.eval()
    try:
        with torch.no_grad():
            ended, logits = _ended_before_training(model, _channels_last(images))
            halves = _cut(model, ended) if ended else None
            return halves if halves is not None and _holds(halves, images, logits) else None
    finally:
        for module, was_training in modes:
            module.training = was_training


class _Reached(Exception):  # noqa: N818 - carries an answer, nothing went wrong
    def __init__(self, output: Tensor) -> None:
        self.output = output


class _Pass(nn.Module):
    """Stands for what has been run already."""

    def forward(self, activations: Tensor, *_: Any, **__: Any) -> Tensor:
        return activations


@contextmanager
def _stopping_after(module: nn.Module) -> Iterator[None]:
    def stop(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        raise _Reached(output)

    hook = module.register_forward_hook(stop)
    try:
        yield
    finally:
        hook.remove()


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _ended_before_training(model: nn.Module, images: Tensor) -> tuple[list[str], Tensor]:
    """Return the modules that end before a trained layer begins, in that order, and the logits.

    Dropout right before the first trained layer counts as trained: it must be drawn anew at each step.
    """
    ended: list[str] = []
    has_begun = False

    def begin(module: nn.Module, _inputs: Any) -> None:
        nonlocal has_begun
        own = module.parameters(recurse=False)
        has_begun = has_begun or any(parameter.requires_grad for parameter in own)

    def end(name: str) -> Any:
        return lambda *_: None if has_begun else ended.append(name)

    hooks = []
    for name, module in model.named_modules():
        hooks += [module.register_forward_pre_hook(begin), module.register_forward_hook(end(name))]
    try:
        logits = model(images)
    finally:
        for hook in hooks:
            hook.remove()
    modules = dict(model.named_modules())
    while ended and isinstance(modules[ended[-1]], (nn.Dropout, nn.Identity)):
        ended.pop()
    return ended, logits


def _cut(model: nn.Module, ended: list[str]) -> Halves:
    outermost = [name for name in dict.fromkeys(ended) if not _inside_any(name, set(ended))]
    shell = _shell(model)
    copies = {"": shell}
    for name in outermost:
        parent, _, child = name.rpartition(".")
        for path in _paths(parent):
            if path not in copies:
                above, _, own = path.rpartition(".")
                copies[path] = _shell(model.get_submodule(path))
                copies[above]._modules[own] = copies[path]
        copies[parent]._modules[child] = _Pass()
    return Halves(
        model,
        outermost[-1],
        tuple(model.get_submodule(name) for name in outermost),
        tuple((copies[name], model.get_submodule(name)) for name in copies),
    )


def _inside_any(name: str, names: set[str]) -> bool:
    return any(path in names for path in _paths(name.rpartition(".")[0]))


def _paths(name: str) -> list[str]:
    """``a.b.c`` -> ``a``, ``a.b``, ``a.b.c``."""
    parts = name.split(".") if name else []
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def _shell(module: nn.Module) -> nn.Module:
    """Copy a container: parameters and children are shared, but other children can be put in."""
    shell = copy.copy(module)
    shell._modules = dict(module._modules)
    return shell


def _holds(halves: Halves, images: Tensor, logits: Tensor) -> bool:
    """Return whether the halves give the whole network's logits to the bit."""
    try:
        return torch.equal(halves.upper(halves.lower(images)), logits)
    except Exception:  # noqa: BLE001 - a network of another build may fail in any way
        return False
