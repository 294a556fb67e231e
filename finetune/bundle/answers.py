"""What a bundle answers to images that are ready for it: the likeliest classes, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetune.bundle.bundle import Bundle
from finetune.evaluation.metrics import Probabilities
from finetune.known.calibration import NO_VERDICT, Verdict


@dataclass(frozen=True)
class Answer:
    """One image's ``top`` class indices with probabilities in [0, 1], best first, and the ``verdict`` on it."""

    top: tuple[tuple[int, float], ...]
    verdict: Verdict


def answer(bundle: Bundle, images: Sequence[Tensor], *, top: int, coverage: float) -> list[Answer]:
    """Return the answers to n images, each V x 3 x side x side: the same views of each, the plain one first.

    Probabilities are the mean over the views; the verdict is on the plain one, at ``coverage``.
    """
    logits, verdicts = _judged(bundle, torch.stack([views[0] for views in images]), coverage)
    summed = bundle.probabilities(logits)
    n_views = len(images[0])
    for view in range(1, n_views):
        others = bundle.logits(torch.stack([views[view] for views in images])).numpy()
        summed = summed + bundle.probabilities(others)
    probabilities = summed / n_views
    return [Answer(_top(row, top), verdict) for row, verdict in zip(probabilities, verdicts, strict=True)]


def _judged(bundle: Bundle, images: Tensor, coverage: float) -> tuple[NDArray[np.float32], list[Verdict]]:
    """Return n x K logits and a verdict for each; features are only listened to where they count."""
    if bundle.calibration.reject is None and bundle.calibration.conformal is None:
        return bundle.logits(images).numpy(), [NO_VERDICT] * len(images)
    logits, features = (each.numpy() for each in bundle.outputs(images))
    return logits, bundle.calibration.judge(logits, features, coverage=coverage)


def _top(probabilities: Probabilities, top: int) -> tuple[tuple[int, float], ...]:
    best = np.argsort(-probabilities, kind="stable")[:top]
    return tuple((int(index), float(probabilities[index])) for index in best)
