"""Fit several L2-regularised softmax regressions on the same features at once.

Each problem b minimises  mean_b(loss) + lambda_b/2 · ‖W‖²  over its own weighting of the rows (a fold's training
rows, say), so that one matrix product serves all of them. Minimised by L-BFGS (Liu and Nocedal 1989) that
starts from the inverse of the Hessian's diagonal. When the features are rotated onto their principal axes the
Hessian is nearly diagonal, and a dozen steps do what takes plain L-BFGS hundreds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

MEMORY = 10
"""Pairs of steps and gradient changes that L-BFGS remembers."""

MOST_HALVINGS = 20
ENOUGH_DECREASE = 1e-4
LEAST_CURVATURE = 1e-6
"""Keeps the unpenalised biases of classes that are certain already from unbounded steps."""


@dataclass(frozen=True)
class Regressions:
    """B problems on the same n rows: ``features`` n x r, ``targets`` n in [0, K), ``row_weights`` B x n >= 0.

    Parameters are one tensor, B x K x (r + 1): the weights and, last, the bias, which is not penalised.
    """

    features: Tensor
    targets: Tensor
    row_weights: Tensor
    n_classes: int

    def start(self) -> Tensor:
        """Return parameters of zeros."""
        width = self.features.shape[1] + 1
        return self.features.new_zeros(len(self.row_weights), self.n_classes, width)

    def log_probabilities(self, parameters: Tensor) -> Tensor:
        """Return n x B x K log probabilities."""
        n_problems, n_classes, _ = parameters.shape
        weights, biases = parameters[..., :-1].flatten(0, 1), parameters[..., -1].flatten()
        logits = torch.addmm(biases, self.features, weights.T)
        return logits.view(-1, n_problems, n_classes).log_softmax(dim=-1)

    def row_losses(self, parameters: Tensor) -> Tensor:
        """Return the n x B cross-entropies in nats."""
        return -self._of_targets(self.log_probabilities(parameters))

    def value_and_gradient(self, parameters: Tensor, penalties: Tensor) -> tuple[Tensor, Tensor]:
        """Return the B objectives and their gradient, shaped as ``parameters``; ``penalties`` are B lambdas."""
        logs = self.log_probabilities(parameters)
        shares = (self.row_weights / self.row_weights.sum(dim=1, keepdim=True)).T
        losses = -(shares * self._of_targets(logs)).sum(dim=0)
        errors = logs.exp_()
        index = self._target_index(errors)
        errors.scatter_add_(2, index, errors.new_full((1, 1, 1), -1).expand(index.shape))
        errors *= shares[:, :, None]
        gradient = torch.empty_like(parameters)
        gradient[..., :-1] = (errors.flatten(1).T @ self.features).view(gradient[..., :-1].shape)
        gradient[..., -1] = errors.sum(dim=0)
        penalised = penalties[:, None, None] * parameters[..., :-1]
        gradient[..., :-1] += penalised
        return losses + 0.5 * (penalised * parameters[..., :-1]).sum(dim=(1, 2)), gradient

    def _of_targets(self, logs: Tensor) -> Tensor:
        return logs.gather(2, self._target_index(logs)).squeeze(2)

    def _target_index(self, logs: Tensor) -> Tensor:
        return self.targets[:, None, None].expand(-1, logs.shape[1], 1)

    def inverse_curvature(self, parameters: Tensor, penalties: Tensor) -> Tensor:
        """Return the inverse of the Hessian's diagonal at ``parameters``, in their shape."""
        shares = (self.row_weights / self.row_weights.sum(dim=1, keepdim=True)).T
        probabilities = self.log_probabilities(parameters).exp_()
        spread = probabilities.mul_(1 - probabilities).mul_(shares[:, :, None])
        diagonal = torch.empty_like(parameters)
        diagonal[..., :-1] = (spread.flatten(1).T @ self.features.square()).view(diagonal[..., :-1].shape)
        diagonal[..., :-1] += penalties[:, None, None]
        diagonal[..., -1] = spread.sum(dim=0)
        return 1 / diagonal.clamp_(min=LEAST_CURVATURE)


def minimise(
    problem: Regressions, penalties: Tensor, *, start: Tensor, tolerance: float, most_steps: int = 200
) -> Tensor:
    """Return the parameters at which every gradient entry is at most ``tolerance``, or where rounding ends it."""
    parameters = start.clone()
    value, gradient = problem.value_and_gradient(parameters, penalties)
    memory = _Memory(problem.inverse_curvature(parameters, penalties))
    running = torch.ones_like(value, dtype=torch.bool)
    for _ in range(most_steps):
        running &= gradient.abs().amax(dim=(1, 2)) > tolerance
        if not running.any():
            break
        direction = memory.direction(gradient) * running[:, None, None]
        step, moved, new_value, new_gradient = _line_search(
            problem, penalties, parameters, direction, value, gradient
        )
        running &= step > 0
        memory.remember(moved - parameters, new_gradient - gradient)
        parameters, value, gradient = moved, new_value, new_gradient
    return parameters


def _line_search(
    problem: Regressions,
    penalties: Tensor,
    parameters: Tensor,
    direction: Tensor,
    value: Tensor,
    gradient: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Halve each problem's step until its value falls enough (Armijo); 0 where rounding hides any fall."""
    slope = (gradient * direction).sum(dim=(1, 2))
    step = torch.ones_like(value)
    rounding = 4 * torch.finfo(value.dtype).eps * value.abs()
    for _ in range(MOST_HALVINGS):
        moved = parameters + step[:, None, None] * direction
        new_value, new_gradient = problem.value_and_gradient(moved, penalties)
        fell = new_value <= value + ENOUGH_DECREASE * step * slope + rounding
        if fell.all():
            return step, moved, new_value, new_gradient
        step = torch.where(fell, step, step / 2)
    step = torch.where(fell, step, torch.zeros_like(step))
    moved = parameters + step[:, None, None] * direction
    return step, moved, *problem.value_and_gradient(moved, penalties)


class _Memory:
    """The last steps of each problem, and the direction that they and the start's curvature give."""

    def __init__(self, inverse_curvature: Tensor) -> None:
        self._inverse_curvature = inverse_curvature
        self._pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=MEMORY)
        self._scale = torch.ones_like(inverse_curvature[:, :1, :1])

    def remember(self, moved: Tensor, turned: Tensor) -> None:
        """Take a step and the change of the gradient along it; a problem that stood still is passed over."""
        product = _dot(moved, turned)
        is_sound = product > 0
        inverse = torch.where(is_sound, 1 / product.clamp(min=torch.finfo(product.dtype).tiny), 0)
        self._pairs.append((moved, turned, inverse))
        norm = _dot(turned, self._inverse_curvature * turned)
        self._scale = torch.where(is_sound, product / norm, self._scale)

    def direction(self, gradient: Tensor) -> Tensor:
        """Return minus the approximate inverse Hessian times ``gradient`` (the two-loop recursion)."""
        left = gradient.clone()
        shares = []
        for moved, turned, inverse in reversed(self._pairs):
            shares.append(inverse * _dot(moved, left))
            left -= shares[-1] * turned
        right = self._scale * self._inverse_curvature * left
        for (moved, turned, inverse), share in zip(self._pairs, reversed(shares), strict=True):
            right += moved * (share - inverse * _dot(turned, right))
        return -right


def _dot(left: Tensor, right: Tensor) -> Tensor:
    """Return B x 1 x 1 inner products."""
    return (left * right).sum(dim=(1, 2), keepdim=True)
