"""What a linear classifier on fixed features says of each image when it is trained on the others alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from finetune.model.features import FloatArray
from finetune.training.axes import turn
from finetune.training.folds import NEVER, IntArray, stratified_folds
from finetune.training.head import (
    FALLBACK,
    TOLERANCES,
    Rows,
    cross_validate,
    penalties_of,
    row_weights_of,
)
from finetune.training.logistic import minimise

Probabilities = NDArray[np.float64]

MOST_LOGITS = 2e7
"""Logits held at once, 80 MB in single precision: more folds than that are solved one after the other."""


def folds_of_units(targets: IntArray, units: Sequence[int], *, n_folds: int, seed: int) -> IntArray:
    """Return the fold, in [0, ``n_folds``), in which each of n rows is held out, those of one unit together.

    Where units are single rows the folds are those of `stratified_folds`, else those of scikit-learn's
    ``StratifiedGroupKFold``. A row whose class no other fold has is `NEVER` held out: nothing could be learnt of it.
    """
    numbers = np.asarray(units)
    if len(np.unique(numbers)) == len(numbers):
        return stratified_folds(targets, n_folds=n_folds, seed=seed)
    from sklearn.model_selection import StratifiedGroupKFold

    folds = np.full(len(targets), NEVER)
    n_most = min(n_folds, len(np.unique(numbers)), int(np.bincount(targets).max()))
    if n_most < 2:
        return folds
    splitter = StratifiedGroupKFold(n_most, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class of fewer rows than folds is spread over some of them.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        for fold, (_, held_out) in enumerate(splitter.split(targets[:, None], targets, numbers)):
            folds[held_out] = fold
    for label in np.unique(targets):
        rows = targets == label
        if len(np.unique(folds[rows])) < 2:
            folds[rows] = NEVER
    return folds


def out_of_fold(
    features: FloatArray,
    targets: IntArray,
    folds: IntArray,
    *,
    n_classes: int,
    seed: int,
    balanced: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Probabilities:
    """Return n x K probabilities of ``features`` n x d, each row's from the regression that did not see its fold.

    The regression is that of `finetune.training.head.solve_head`, its strength chosen once on all rows. Rows in no
    fold are nan. ``progress`` gets (done, total) fits.
    """
    axes = turn(features)
    present, classes = np.unique(targets, return_inverse=True)
    rows = Rows(
        axes.coordinates,
        classes,
        np.arange(len(targets)),
        row_weights_of(classes, balanced=balanced),
        len(present),
    )
    path, start = cross_validate(rows, views=1, seed=seed, progress=progress)
    chosen = min(path, key=lambda point: point[1])[0] if path else FALLBACK
    numbers = np.unique(folds[folds != NEVER])
    at_once = max(1, int(MOST_LOGITS / (len(targets) * len(present))))
    probabilities = np.full((len(targets), n_classes), np.nan)
    for first in range(0, len(numbers), at_once):
        part = numbers[first : first + at_once]
        problem = rows.problem(rows.weights * (folds != part[:, None]), torch.float32)
        begin = start[chosen].expand(len(part), -1, -1) if chosen in start else problem.start()
        solution = minimise(
            problem, penalties_of(problem, chosen), start=begin, tolerance=TOLERANCES[torch.float32]
        )
        answers = problem.log_probabilities(solution).exp()
        for rank, fold in enumerate(part):
            held_out = np.flatnonzero(folds == fold)
            found = answers[torch.from_numpy(held_out), rank].double().numpy()
            probabilities[held_out] = 0.0
            probabilities[np.ix_(held_out, present)] = found / found.sum(axis=1, keepdims=True)
    return probabilities
