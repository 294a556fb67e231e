"""What a bundle answers to images that are ready for it: the likeliest classes, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetune.bundle.bundle import Bundle
from finetune.evaluation.metrics import Probabilities
from finetune.known.calibration import NO_VERDICT, Verdict


class Engine(Protocol):
    """What runs a bundle's network; the `Bundle` itself does it with torch."""

    def logits(self, images: Tensor) -> Tensor:
        """Return B x K float32 logits of preprocessed ``images``, B x 3 x side x side float32."""

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the `logits`, and what the classifier took in for them, B x d float32."""


@dataclass(frozen=True)
class Answer:
    """One image's ``top`` class indices with probabilities in [0, 1], best first, and the ``verdict`` on it."""

    top: tuple[tuple[int, float], ...]
    verdict: Verdict


def answer(
    bundle: Bundle, images: Sequence[Tensor], *, top: int, coverage: float, engine: Engine | None = None
) -> list[Answer]:
    """Return the answers to n images, each V x 3 x side x side: the same views of each, the plain one first.

    Probabilities are the mean over the views; the verdict is on the plain one, at ``coverage``. ``engine`` runs
    the network, by default torch.
    """
    engine = engine or bundle
    logits, verdicts = _judged(bundle, engine, torch.stack([views[0] for views in images]), coverage)
    summed = bundle.probabilities(logits)
    n_views = len(images[0])
    for view in range(1, n_views):
        others = engine.logits(torch.stack([views[view] for views in images])).numpy()
        summed = summed + bundle.probabilities(others)
    probabilities = summed / n_views
    return [Answer(_top(row, top), verdict) for row, verdict in zip(probabilities, verdicts, strict=True)]


def _judged(
    bundle: Bundle, engine: Engine, images: Tensor, coverage: float
) -> tuple[NDArray[np.float32], list[Verdict]]:
    """Return n x K logits and a verdict for each; features are only listened to where they count."""
    if not bundle.calibration.can_judge:
        return engine.logits(images).numpy(), [NO_VERDICT] * len(images)
    logits, features = (each.numpy() for each in engine.outputs(images))
    return logits, bundle.calibration.judge(logits, features, coverage=coverage)


def _top(probabilities: Probabilities, top: int) -> tuple[tuple[int, float], ...]:
    best = np.argsort(-probabilities, kind="stable")[:top]
    return tuple((int(index), float(probabilities[index])) for index in best)
