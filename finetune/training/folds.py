"""Cut rows into folds for cross-validation: stratified, whole images, as scikit-learn would."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

NEVER = -1
"""The fold of rows that are trained on in every fold and held out in none."""


def stratified_folds(targets: IntArray, *, n_folds: int, seed: int) -> IntArray:
    """Return the fold, in [0, ``n_folds``), in which each of n rows is held out.

    The folds of scikit-learn's ``StratifiedKFold(n_folds, shuffle=True, random_state=seed)``, whose import
    would cost a second; only that a class of fewer rows than folds is spread over some, and that of one row
    is `NEVER` held out: nothing could be learnt of it.
    """
    folds = np.full(len(targets), NEVER)
    # Classes are numbered by their first row, so that names play no part.
    _, first, inverse, counts = np.unique(targets, return_index=True, return_inverse=True, return_counts=True)
    seen = np.argsort(first)
    learnable = [label for label in seen if counts[label] >= 2]
    ordered = np.repeat(np.arange(len(learnable)), counts[learnable])
    shares = [np.bincount(ordered[fold::n_folds], minlength=len(learnable)) for fold in range(n_folds)]
    generator = np.random.RandomState(seed)
    for rank, label in enumerate(learnable):
        held_out = np.repeat(np.arange(n_folds), [share[rank] for share in shares])
        generator.shuffle(held_out)
        folds[inverse == label] = held_out
    return folds


def stratified_part(targets: IntArray, most: int, *, seed: int) -> IntArray:
    """Return up to ``most`` of the row numbers, rising: of each class its share, at least two if it has them."""
    if len(targets) <= most:
        return np.arange(len(targets))
    generator = np.random.default_rng(seed)
    kept = []
    for label in np.unique(targets):
        rows = generator.permutation(np.flatnonzero(targets == label))
        kept.append(rows[: max(2, round(most * len(rows) / len(targets)))])
    return np.sort(np.concatenate(kept))
