"""Solve a linear classifier on fixed features, its regularisation chosen by cross-validation on them alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetune.model.features import FloatArray
from finetune.training.axes import turn
from finetune.training.folds import IntArray, stratified_folds, stratified_part
from finetune.training.logistic import Regressions, minimise

# Inverse strengths C as in scikit-learn's logistic regression on standardised features, strongest first.
INVERSE_STRENGTHS = tuple(10.0**exponent for exponent in (-4, -3, -2, -1, 0, 1))
FOLDS = 5
# With few images a class the choice is left at a strength that suits standardised deep features.
FALLBACK = 1e-2
# Beyond this many images the choice of strength is stable: cross-validate on a part, then fit on all.
MOST_FOR_CHOICE = 3_000
# The largest entry of the gradient of the mean loss; 1e-4 is scikit-learn's.
TOLERANCE_OF_CHOICE = 1e-4
TOLERANCES = {torch.float64: 1e-6, torch.float32: 1e-5}
# A class without a training image is ruled out by this bias.
RULED_OUT = -30.0

Path = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class SolvedHead:
    """A linear classifier: ``weight`` K x d and ``bias`` K in float32.

    ``inverse_strength`` is the chosen C. ``path`` holds (C, cross-validated log loss in nats), empty when fewer
    than two classes have two images and nothing could be cross-validated.
    """

    weight: FloatArray
    bias: FloatArray
    inverse_strength: float
    path: Path

    def install(self, classifier: nn.Linear) -> None:
        """Copy the solution into ``classifier``."""
        with torch.no_grad():
            classifier.weight.copy_(torch.from_numpy(self.weight))
            classifier.bias.copy_(torch.from_numpy(self.bias))

    def logits(self, features: FloatArray) -> FloatArray:
        """Return n x K logits of n x d ``features``."""
        return features @ self.weight.T + self.bias


@dataclass(frozen=True)
class Rows:
    """The rows of a solve: coordinates n x r, classes n in [0, ``n_classes``) that occur, images and weights."""

    coordinates: Tensor
    classes: IntArray
    images: IntArray
    weights: NDArray[np.float64]
    n_classes: int

    def problem(self, row_weights: NDArray[np.float64], dtype: torch.dtype) -> Regressions:
        """Return the regressions with B x n ``row_weights``."""
        return Regressions(
            self.coordinates.to(dtype),
            torch.from_numpy(self.classes),
            torch.from_numpy(row_weights).to(dtype),
            self.n_classes,
        )

    def part(self, rows: IntArray) -> Rows:
        """Return some of the rows."""
        return Rows(
            self.coordinates[rows], self.classes[rows], self.images[rows], self.weights[rows], self.n_classes
        )


def solve_head(
    features: FloatArray,
    targets: IntArray,
    *,
    n_classes: int,
    seed: int,
    views: int = 1,
    balanced: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SolvedHead:
    """Fit L2-regularised multinomial logistic regression to ``features`` n x d and ``targets`` n in [0, K).

    It is scikit-learn's ``LogisticRegression(C)`` on standardised features, expressed for the raw ones. With
    ``views`` v > 1 the rows are v views of n / v images, all images once, then again; they share one weight
    and one fold. ``balanced`` gives every class the same weight. ``progress`` gets (done, total) fits.
    """
    axes = turn(features)
    present, classes = np.unique(targets, return_inverse=True)
    images = np.tile(np.arange(len(targets) // views), views)
    weights = row_weights_of(classes, balanced=balanced) / views
    rows = Rows(axes.coordinates, classes, images, weights, len(present))
    path, start = cross_validate(rows, views=views, seed=seed, progress=progress)
    chosen = min(path, key=lambda point: point[1])[0] if path else FALLBACK
    weight, bias = np.zeros((n_classes, axes.coordinates.shape[1])), np.full(n_classes, RULED_OUT)
    weight[present], bias[present] = _fit(rows, chosen, start.get(chosen))
    return SolvedHead(*axes.for_raw(weight, bias), chosen, path)


def row_weights_of(classes: IntArray, *, balanced: bool) -> NDArray[np.float64]:
    """Return ones, or n / (K n_c) for a row of class c (scikit-learn's ``balanced``)."""
    if not balanced:
        return np.ones(len(classes))
    counts = np.bincount(classes)
    weights: NDArray[np.float64] = len(classes) / (len(counts) * counts)[classes]
    return weights


def cross_validate(
    rows: Rows, *, views: int, seed: int, progress: Callable[[int, int], None] | None
) -> tuple[Path, dict[float, Tensor]]:
    """Return (C, mean loss of held-out rows) for each strength, and for each the mean of the folds' solutions."""
    of_images = rows.classes[: len(rows.classes) // views]
    part = stratified_part(of_images, MOST_FOR_CHOICE, seed=seed)
    folds = stratified_folds(of_images[part], n_folds=FOLDS, seed=seed)
    if len(np.unique(of_images[part][folds >= 0])) < 2:
        return (), {}
    rows = rows.part((part + len(of_images) * np.arange(views)[:, None]).ravel())
    held_out = np.tile(folds, views) == np.arange(FOLDS)[:, None]
    # Single precision halves the time, and only ranks the strengths; the chosen one is fitted in double.
    problem = rows.problem(rows.weights * ~held_out, torch.float32)
    judged = torch.from_numpy(rows.weights * held_out).float().T
    path, solutions = [], {}
    solution = problem.start()
    for rank, strength in enumerate(INVERSE_STRENGTHS):
        solution = minimise(
            problem, penalties_of(problem, strength), start=solution, tolerance=TOLERANCE_OF_CHOICE
        )
        loss = (problem.row_losses(solution) * judged).sum() / judged.sum()
        path.append((strength, float(loss)))
        solutions[strength] = solution.mean(dim=0, keepdim=True)
        if progress is not None:
            progress(rank + 1, len(INVERSE_STRENGTHS))
        if _past_the_best(path):
            break
    return tuple(path), solutions


def _past_the_best(path: list[tuple[float, float]]) -> bool:
    """Weaker regularisation only gets slower and worse once the loss has risen twice in a row."""
    losses = [loss for _, loss in path]
    return len(losses) >= 3 and losses[-1] > losses[-2] > losses[-3]


def penalties_of(problem: Regressions, inverse_strength: float) -> Tensor:
    """Return each problem's lambda for the mean loss.

    scikit-learn's C weighs the summed loss against half the squared norm; for two classes it has one row of
    weights, whose squared norm is twice that of the same weights spread over both.
    """
    doubled = 2 if problem.n_classes == 2 else 1
    return doubled / (inverse_strength * problem.row_weights.sum(dim=1))


def _fit(
    rows: Rows, inverse_strength: float, start: Tensor | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights and biases, for the classes that occur, at the optimum on all rows."""
    dtype = rows.coordinates.dtype
    problem = rows.problem(rows.weights[None], dtype)
    begin = problem.start() if start is None else start.to(dtype)
    penalties = penalties_of(problem, inverse_strength)
    solution = minimise(problem, penalties, start=begin, tolerance=TOLERANCES[dtype])[0].double()
    return solution[:, :-1].numpy(), solution[:, -1].numpy()
