"""Scores of an epoch's validation, from its confusion matrix."""

from __future__ import annotations

from torch import Tensor


def macro_f1(confusion: Tensor) -> Tensor:
    """Return the mean F1 in [0, 1] over the classes that occur, as `finetune.evaluation.metrics.measure` does.

    ``confusion`` is K x K counts, rows the truth. F1 of a class is 2 hits / (images of it + calls of it).
    """
    hits, truth, called = confusion.diagonal(), confusion.sum(dim=1), confusion.sum(dim=0)
    f1 = 2 * hits / (truth + called).clamp(min=1)
    return f1[truth > 0].mean()
