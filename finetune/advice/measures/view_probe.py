"""A ridge probe that learns from augmented views of images and is asked about the images as they are. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune.advice.similarity import FOLDS
from finetune.model.features import FloatArray

DoubleArray = NDArray[np.float64]

STRENGTHS = np.logspace(-1, 5, 7)
"""The ridge strengths that every probe of the advice chooses from."""

_CONSTANT = 1e-10


def folds_of(labels: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return the fold in which each image is held out: those of `similarity.probe_accuracy`.

    Every class needs two images.
    """
    from sklearn.model_selection import StratifiedKFold

    folds = np.empty(len(labels), np.int64)
    n_folds = min(FOLDS, min(Counter(labels.tolist()).values()))
    for fold, (_, held_out) in enumerate(StratifiedKFold(n_folds).split(labels, labels)):
        folds[held_out] = fold
    return folds


def told_right(
    plain: FloatArray, views: FloatArray, labels: NDArray[np.str_], folds: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return for each of n images whether a probe that learnt from the views of the other folds tells its class.

    ``plain`` n x d are the features of the images as they are, ``views`` n x k x d those of k views of each. The
    probe is asked about the plain image. It is a ridge classifier on standardised features; its strength is chosen
    within the other folds by leaving out one image, with all its views, at a time.
    """
    names, classes = np.unique(labels, return_inverse=True)
    targets = 2.0 * np.eye(len(names))[classes] - 1
    right = np.zeros(len(labels), np.bool_)
    for fold in np.unique(folds):
        held_out, learnt = folds == fold, folds != fold
        probe = ViewRidge.fit(views[learnt], targets[learnt])
        answers = probe.answers(plain[held_out], probe.best_strength(plain[learnt]))
        right[held_out] = answers.argmax(axis=1) == classes[held_out]
    return right


@dataclass(frozen=True)
class ViewRidge:
    """Ridge regression in its dual form, solved for all strengths at once: K = U diag(values) U^T of n k rows.

    ``vectors`` n x k x nk are the rows of U by image and view, ``along`` = U^T y; ``rows``, ``mean`` and ``spread``
    bring what is asked into the features that were learnt from; ``centre`` is the targets' mean, which ``targets``,
    n x K, are without.
    """

    rows: DoubleArray
    mean: DoubleArray
    spread: DoubleArray
    values: DoubleArray
    vectors: DoubleArray
    along: DoubleArray
    targets: DoubleArray
    centre: DoubleArray

    @classmethod
    def fit(cls, views: FloatArray, targets: DoubleArray) -> ViewRidge:
        """Learn ``targets``, n x K, from ``views``, n x k x d."""
        n_images, n_views, _ = views.shape
        rows = views.reshape(n_images * n_views, -1).astype(np.float64)
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        spread = np.where(spread > _CONSTANT * np.abs(mean), spread, 1.0)
        rows = (rows - mean) / spread
        centre = targets.mean(axis=0)
        values, vectors = np.linalg.eigh(rows @ rows.T)
        return cls(
            rows=rows,
            mean=mean,
            spread=spread,
            values=values.clip(min=0),
            vectors=vectors.reshape(n_images, n_views, -1),
            along=vectors.T @ np.repeat(targets - centre, n_views, axis=0),
            targets=targets - centre,
            centre=centre,
        )

    def answers(self, plain: FloatArray, strength: float) -> DoubleArray:
        """Return m x K answers to m x d ``plain`` features."""
        answers: DoubleArray = (self._shown(plain) / (self.values + strength)) @ self.along + self.centre
        return answers

    def best_strength(self, plain: FloatArray) -> float:
        """Return the strength with the least squared error on the ``plain`` n x d of the n images, each left out."""
        shown = self._shown(plain)
        errors = [((self.left_out(shown, each) - self.targets) ** 2).mean() for each in STRENGTHS]
        return float(STRENGTHS[int(np.argmin(errors))])

    def left_out(self, shown: DoubleArray, strength: float) -> DoubleArray:
        """Return the n x K answers, less the centre, for each image by the ridge that learnt from the others' views.

        With G = (K + a)^-1, g an image's views and S what the plain images see of all: leaving g out moves the answer
        from S y by - S_g G_gg^-1 (G y)_g, the block form of the leave-one-out residual (Cook and Weisberg, *Residuals
        and influence in regression*, 1982). The constant is fitted anew without g, as a feature under no ridge:
        the rows sum to zero, so g could otherwise be told from the others, to whose sum it is the opposite.
        Standardisation stays that of all images.
        """
        n_rows = len(self.rows)
        weighted = self.vectors / (self.values + strength)
        blocks = weighted @ self.vectors.transpose(0, 2, 1) - 1 / (strength * n_rows)
        residues = weighted @ self.along
        seen = ((shown / (self.values + strength))[:, None, :] @ self.vectors.transpose(0, 2, 1))[:, 0, :]
        seen = seen + 1 / n_rows
        moved = (seen[:, None, :] @ np.linalg.solve(blocks, residues))[:, 0, :]
        answers: DoubleArray = (shown / (self.values + strength)) @ self.along - moved
        return answers

    def _shown(self, plain: FloatArray) -> DoubleArray:
        """Return what ``plain`` features see of the rows, on the axes of U."""
        standardised = (plain.astype(np.float64) - self.mean) / self.spread
        shown: DoubleArray = standardised @ self.rows.T @ self.vectors.reshape(len(self.rows), -1)
        return shown
