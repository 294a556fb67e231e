"""Several views of one image, to be answered together: mirrored where the class names allow it, wider and closer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from finetune.bundle.bundle import Bundle
from finetune.data.augmentation.labels import caution
from finetune.data.images import load_rgb
from finetune.data.transforms import Preprocessing
from finetune.evaluation.metrics import Metrics, Probabilities, Targets, measure
from finetune.evaluation.paired import Paired, compare, holm, is_significant

AS_IT_IS, MIRRORED, WIDER, CLOSER = "as it is", "mirrored", "wider", "closer"

WIDE = 1.0
"""Share of the resized shorter side that the wider view keeps: all of it."""

CLOSE = 0.75
"""The same of the closer view: at 224 px a resize to 299, three quarters of each side."""


@dataclass(frozen=True)
class Views:
    """The ``names`` of the views of an image, that of the image `AS_IT_IS` first; ``why_not`` one is left out."""

    names: tuple[str, ...]
    why_not: str = ""

    def of(self, image: Image.Image, preprocessing: Preprocessing) -> Tensor:
        """Return V x 3 x side x side float32 of an RGB ``image`` of any size."""
        return torch.stack([_view(name, image, preprocessing) for name in self.names])


PLAIN = Views((AS_IT_IS,))


def views_for(class_names: Sequence[str], preprocessing: Preprocessing) -> Views:
    """Return the views that may help: no mirror image where names tell of digits, letters, sides or signs."""
    found = caution(class_names)
    names = [AS_IT_IS] if found is not None else [AS_IT_IS, MIRRORED]
    names += [name for name, share in ((WIDER, WIDE), (CLOSER, CLOSE)) if share != preprocessing.crop]
    return Views(tuple(names), "" if found is None else f"no mirrored view: {found.why}")


def _view(name: str, image: Image.Image, preprocessing: Preprocessing) -> Tensor:
    if name == MIRRORED:
        return preprocessing(ImageOps.mirror(image))
    share = {WIDER: WIDE, CLOSER: CLOSE}.get(name, preprocessing.crop)
    return replace(preprocessing, crop=share)(image)


@dataclass(frozen=True)
class Way:
    """One choice of ``views`` (their mean answers), its ``metrics``, and how it compares with the image as it is.

    ``p_value`` is McNemar's, adjusted for as many ways as were compared; ``loss_gain`` is the log loss, in nats, that
    the views save on average, with its 95 % ``loss_interval``. All three are None for the image as it is.
    """

    views: tuple[str, ...]
    metrics: Metrics
    paired: Paired | None = None
    p_value: float | None = None
    loss_gain: float | None = None
    loss_interval: tuple[float, float] | None = None

    @property
    def verdict(self) -> str:
        """Return ``helped``, ``harmed`` or ``cannot be told apart``, judged by accuracy, else by log loss."""
        if self.paired is None or self.p_value is None or self.loss_interval is None:
            return ""
        if is_significant(self.p_value):
            return "helped" if self.paired.difference > 0 else "harmed"
        low, high = self.loss_interval
        if low > 0:
            return "helped (log loss alone)"
        return "harmed (log loss alone)" if high < 0 else "cannot be told apart"


@dataclass(frozen=True)
class ViewsReport:
    """The ``ways`` that were scored on the same images: as it is, with each other view, and with all, the last."""

    ways: tuple[Way, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the ways as JSON-ready values."""
        return [
            {
                "views": list(way.views),
                "accuracy": way.metrics.accuracy,
                "log_loss": way.metrics.log_loss,
                "difference": None if way.paired is None else way.paired.difference,
                "difference_interval": None if way.paired is None else list(way.paired.interval),
                "p_value": way.p_value,
                "log_loss_gain": way.loss_gain,
                "log_loss_interval": None if way.loss_interval is None else list(way.loss_interval),
                "verdict": way.verdict or None,
            }
            for way in self.ways
        ]


def answers_by_view(
    bundle: Bundle, paths: Sequence[Path], views: Views, *, at_once: int = 32
) -> Iterator[NDArray[np.float64]]:
    """Yield V x b x K probabilities of the next b of ``paths``, all of them readable."""
    for start in range(0, len(paths), at_once):
        batch = torch.stack(
            [views.of(load_rgb(path), bundle.preprocessing) for path in paths[start : start + at_once]]
        )
        yield np.stack([bundle.probabilities(bundle.logits(view).numpy()) for view in batch.unbind(dim=1)])


def compare_views(views: Views, answers: NDArray[np.float64], targets: Targets) -> ViewsReport:
    """Compare, on the same n images, the mean over views with the image as it is; ``answers`` are V x n x K."""
    plain = answers[0]
    chosen = [(0, rank) for rank in range(1, len(views.names))]
    if len(views.names) > 2:
        chosen.append(tuple(range(len(views.names))))  # type: ignore[arg-type]
    ways = [_way(views, ranks, answers[list(ranks)].mean(axis=0), plain, targets) for ranks in chosen]
    adjusted = holm([way.paired.p_value for way in ways if way.paired is not None])
    judged = [replace(way, p_value=p_value) for way, p_value in zip(ways, adjusted, strict=True)]
    return ViewsReport((Way(views.names[:1], measure(plain, targets)), *judged))


def _way(
    views: Views, ranks: Sequence[int], answers: Probabilities, plain: Probabilities, targets: Targets
) -> Way:
    gains = _losses(plain, targets) - _losses(answers, targets)
    reach = 1.96 * float(gains.std(ddof=1)) / len(gains) ** 0.5 if len(gains) > 1 else float("inf")
    gain = float(gains.mean())
    hits = [each.argmax(axis=1) == targets for each in (plain, answers)]
    return Way(
        tuple(views.names[rank] for rank in ranks),
        measure(answers, targets),
        compare(hits[0], hits[1]),
        loss_gain=gain,
        loss_interval=(gain - reach, gain + reach),
    )


def _losses(probabilities: Probabilities, targets: Targets) -> NDArray[np.float64]:
    of_truth: NDArray[np.float64] = probabilities[np.arange(len(targets)), targets]
    return -np.log(np.maximum(of_truth, np.finfo(float).tiny))
