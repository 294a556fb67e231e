"""What the loss charges for the weights themselves: L2, and L2-SP, which pulls towards the pretrained ones."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from finetune.model.layers import Grouping
from finetune.recipe import Recipe
from strategies import Plan


def squared_norm(weights: Iterable[Tensor]) -> Tensor:
    """Return the sum of all squared entries of ``weights``, a scalar; there must be one tensor at least."""
    return torch.stack([weight.square().sum() for weight in weights]).sum()


def squared_distance(weights: Iterable[Tensor], starts: Iterable[Tensor]) -> Tensor:
    """Return the sum of all squared differences between ``weights`` and ``starts``, a scalar."""
    return squared_norm(weight - start for weight, start in zip(weights, starts, strict=True))


class Penalties(nn.Module):
    """The penalties of one run on the trainable weights, biases and norm layers left out.

    L2 charges l2 * sum W^2, whose gradient is that of torch's ``weight_decay`` = 2 * l2 under SGD. L2-SP
    charges l2_sp * sum (W - W0)^2 on the pretrained layers; L2 then charges the fresh head alone (Li et al.,
    ICML 2018). W0 is what ``model`` holds now: hand it over as it was built, before training or any resumed
    state changes it. The copies move with this module and are in no saved state, since building the network
    again gives the same.
    """

    def __init__(self, model: nn.Module, grouping: Grouping, plan: Plan, recipe: Recipe) -> None:
        super().__init__()
        self._l2 = recipe.l2 or 0.0
        self._l2_sp = recipe.l2_sp or 0.0
        weights = [name for name, parameter in model.named_parameters() if parameter.ndim > 1]
        pretrained = [name for name in weights if grouping.group_of[name] != grouping.head.name]
        pulled = [name for name in pretrained if not plan.of(grouping.group_of[name]).is_frozen]
        self._pulled = tuple(pulled if self._l2_sp else ())
        self._shrunk = tuple(name for name in weights if not (self._l2_sp and name in pretrained))
        for rank, name in enumerate(self._pulled):
            start = model.get_parameter(name).detach().clone()
            self.register_buffer(f"start_{rank}", start, persistent=False)

    def forward(self, model: nn.Module) -> Tensor | None:
        """Return the penalty on ``model``'s weights as they are, a scalar; None where nothing is charged."""
        charges = []
        shrunk = [weight for weight in map(model.get_parameter, self._shrunk) if weight.requires_grad]
        if self._l2 and shrunk:
            charges.append(self._l2 * squared_norm(shrunk))
        pulled = [
            (weight, self.get_buffer(f"start_{rank}"))
            for rank, weight in enumerate(map(model.get_parameter, self._pulled))
            if weight.requires_grad
        ]
        if pulled:
            charges.append(self._l2_sp * squared_distance(*zip(*pulled, strict=True)))
        return torch.stack(charges).sum() if charges else None
