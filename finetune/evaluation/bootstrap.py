"""Resample the images of a test set many times at once, and score every resample from its counts alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune.evaluation.metrics import CONFIDENCE, Probabilities, Targets, wilson_interval

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

RESAMPLES = 1_000
FEWEST_RESAMPLES = 200
MOST_DRAWS = 3 * 10**7
"""Images drawn in all: beyond 30,000 images there are fewer resamples, as each then wanders less."""

DRAWS_AT_ONCE = 10**6
"""About 40 MB."""

TOP_K = 5


@dataclass(frozen=True)
class Judged:
    """What the scores of n >= 1 images are made of, each an array of n.

    ``targets`` and ``called`` are class numbers in [0, ``n_classes``); ``in_top`` says whether the truth is among
    the `TOP_K` likeliest; ``losses`` are in nats.
    """

    targets: Targets
    called: Targets
    in_top: NDArray[np.bool_]
    losses: Floats
    n_classes: int

    @classmethod
    def of(cls, probabilities: Probabilities, targets: Targets) -> Judged:
        """Take it from ``probabilities`` n x K, whose rows sum to 1; the loss is cut off as scikit-learn's is."""
        of_truth = np.take_along_axis(probabilities, targets[:, None], axis=1)
        above = (probabilities > of_truth).sum(axis=1)
        smallest = np.finfo(probabilities.dtype).eps
        return cls(
            targets=targets,
            called=probabilities.argmax(axis=1),
            in_top=above < TOP_K,
            losses=-np.log(np.clip(of_truth[:, 0], smallest, 1 - smallest)),
            n_classes=probabilities.shape[1],
        )

    @property
    def n_images(self) -> int:
        """Return n."""
        return len(self.targets)


@dataclass(frozen=True)
class Scores:
    """Scores of B resamples: each an array of B, those of classes B x K and nan where nothing was drawn."""

    accuracy: Floats
    balanced_accuracy: Floats
    macro_f1: Floats
    top_k: Floats
    log_loss: Floats
    precision: Floats
    recall: Floats
    f1: Floats


def scores_of(judged: Judged) -> Scores:
    """Return the scores of the images themselves, B = 1."""
    return _score(judged, np.arange(judged.n_images)[None])


def resampled(judged: Judged, *, seed: int, n_resamples: int | None = None) -> Scores:
    """Return the scores of ``n_resamples`` resamples of the images, drawn with replacement.

    Two sets of the same number of images are drawn alike under one ``seed``, so that their scores can be subtracted.
    """
    parts = [_score(judged, rows) for rows in _draws(judged.n_images, seed, n_resamples)]
    return Scores(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Scores.__annotations__)
    )


def count_resamples(n_images: int) -> int:
    """Return how many resamples ``n_images`` get."""
    return min(RESAMPLES, max(FEWEST_RESAMPLES, MOST_DRAWS // n_images))


def percentiles(values: Floats) -> tuple[Floats, Floats]:
    """Return the ends of the 95 % percentile interval over the first axis (Efron, *The jackknife*, 1982).

    What is nan is left out; where all is, the ends are nan. It is numpy's ``nanpercentile``, a hundred times faster
    where some values are nan.
    """
    rising = np.sort(values, axis=0)  # nan comes last
    n_known = (~np.isnan(values)).sum(axis=0)
    outside = (1 - CONFIDENCE) / 2
    low, high = (
        _interpolated(rising, share * np.maximum(0, n_known - 1)) for share in (outside, 1 - outside)
    )
    return low, high


def _interpolated(rising: Floats, place: Floats) -> Floats:
    """Return the values at the places, one a column, between two rows in proportion."""
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(rising) - 1)
    first, second = (np.take_along_axis(rising, rows[None], axis=0)[0] for rows in (below, above))
    share = place - below
    between: Floats = np.where(share > 0, first + share * (second - first), first)
    return between


def opened(value: float, low: float, high: float, n_images: int) -> tuple[float, float]:
    """Return the interval of a score in [0, 1] of ``n_images``; one that is a point at 0 or 1 is opened.

    Of images that are all right every resample is right too, which says nothing of the next image; Wilson's
    interval for all, or none, of as many stands in then.
    """
    if n_images == 0 or low < high or value not in (0.0, 1.0):
        return low, high
    return wilson_interval(round(value * n_images), n_images)


def _draws(n_images: int, seed: int, n_resamples: int | None) -> Iterator[Counts]:
    """Yield B x n rows, a million draws at a time at most."""
    generator = np.random.default_rng(seed)
    left = n_resamples or count_resamples(n_images)
    at_once = max(1, DRAWS_AT_ONCE // n_images)
    while left > 0:
        yield generator.integers(0, n_images, size=(min(at_once, left), n_images))
        left -= at_once


def _score(judged: Judged, rows: Counts) -> Scores:
    n_images = rows.shape[1]
    right = judged.targets == judged.called
    truth = _count(judged.targets, rows, judged.n_classes)
    called = _count(judged.called, rows, judged.n_classes)
    # What is wrong is counted as one class more, which is then dropped.
    hits = _count(np.where(right, judged.targets, judged.n_classes), rows, judged.n_classes + 1)[:, :-1]
    recall, precision = _ratio(hits, truth), _ratio(hits, called)
    f1 = _ratio(2 * hits, truth + called)
    occurs = truth > 0
    n_occurring = occurs.sum(axis=1)
    return Scores(
        accuracy=hits.sum(axis=1) / n_images,
        balanced_accuracy=np.where(occurs, recall, 0).sum(axis=1) / n_occurring,
        macro_f1=np.where(occurs, f1, 0).sum(axis=1) / n_occurring,
        top_k=judged.in_top[rows].mean(axis=1),
        log_loss=judged.losses[rows].mean(axis=1),
        precision=precision,
        recall=recall,
        f1=f1,
    )


def _count(classes: Targets, rows: Counts, n_classes: int) -> Counts:
    """Return B x K: how often each class is among the images that each row of ``rows`` draws."""
    offsets = n_classes * np.arange(len(rows))[:, None]
    counts = np.bincount((classes[rows] + offsets).ravel(), minlength=n_classes * len(rows))
    return counts.reshape(len(rows), n_classes)


def _ratio(part: Counts, whole: Counts) -> Floats:
    """Return part / whole, nan where there is no whole."""
    ratio: Floats = np.where(whole > 0, part / np.maximum(1, whole), np.nan)
    return ratio
