"""Measure a data set through a pretrained network, once: all that the advice rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetune.advice.measured import Measures
from finetune.advice.measures.certainty import Certainty, certainty_of
from finetune.advice.measures.learning_curve import learning_curve
from finetune.advice.measures.neighbours import neighbour_accuracy
from finetune.advice.measures.shift import ShiftWatch, early_and_late
from finetune.advice.measures.transferability import h_score, log_me
from finetune.advice.similarity import (
    BATCH_SIZE,
    SIDE_PX,
    TransferGain,
    choose_images,
    probe_accuracy,
    transfer_gain,
)
from finetune.data.loading import MEASURING_BATCH, measuring_loader
from finetune.data.sources import LabelledImage
from finetune.data.transforms import Preprocessing
from finetune.errors import DataError, WeightsError
from finetune.model.backbones import Backbone
from finetune.model.build import build
from finetune.model.features import Features, extract_features
from finetune.model.inference import inferring
from finetune.model.layers import layer_groups
from finetune.model.weights import NO_WEIGHTS, WeightsRecord, load_pretrained

IMAGENET_CLASSES = 1_000
MOST_AT_OWN_SIZE = 160
"""Images shown to the network at the size it was trained with, for certainty and shift: 160 settle either mean
within 0.02."""

Extractor = Callable[[Sequence[Path], Callable[[int], None]], Features]
"""Gives the features of images with every stage's, in their order; tells a count of images as they are done."""


@dataclass(frozen=True)
class Measuring:
    """The network that is measured with, and how: its weights, the seed, loader processes.

    ``image_size`` is the side in px of what both networks see (default: `similarity.SIDE_PX`, where the reference
    values were taken); forecasts ask for the one that training will have.
    """

    backbone: Backbone
    weights: WeightsRecord
    seed: int
    workers: int | None = None
    image_size: int | None = None

    @property
    def side(self) -> int:
        """Return the side that is measured at: the network's own where it takes no other."""
        return self.backbone.image_size if self.backbone.fixed_size else self.image_size or SIDE_PX


def measure(
    images: Sequence[LabelledImage],
    measuring: Measuring,
    *,
    extract: Extractor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Measures:
    """Measure up to `similarity.MOST_IMAGES` of the training ``images``, classes in equal shares.

    ``extract`` gives the pretrained network's features where they are kept, else they are computed here.
    ``progress`` gets (done, total) images that went through a network. Raises DataError when fewer than two classes
    have two images.
    """
    chosen = choose_images(images, seed=measuring.seed)
    labels = np.array([image.label for image in chosen])
    if len(set(labels.tolist())) < 2:
        raise DataError(
            "similarity needs 2 classes with at least 2 training images each; add images or name a --strategy"
        )
    own = chosen[:MOST_AT_OWN_SIZE] if measuring.weights.source != "none" else []
    advance = _Counter(progress, 2 * len(chosen) + len(own))
    batches = _Batches(chosen, measuring, measuring.side)
    if extract is None:
        features = _through(batches, measuring, measuring.weights, advance)
    else:
        features = extract([image.path for image in chosen], advance)
    random = _through(batches, measuring, NO_WEIGHTS, advance).pooled()
    pooled = features.pooled()
    pretrained, by_chance = (probe_accuracy(part, labels) for part in (pooled, random))
    shift, certainty = _at_own_size(own, measuring, advance)
    return Measures(
        n_images=len(chosen),
        gain=TransferGain(transfer_gain(pretrained, by_chance), pretrained, by_chance, len(chosen)),
        neighbours=neighbour_accuracy(features.penultimate, labels),
        last_layer=probe_accuracy(features.penultimate, labels),
        stages=_stage_scores(features, labels),
        log_me=log_me(features.penultimate, labels),
        h_score=h_score(features.penultimate, labels),
        shift=shift,
        certainty=certainty,
        curve=learning_curve(pooled, labels, seed=measuring.seed),
        majority=float(np.unique(labels, return_counts=True)[1].max() / len(labels)),
    )


class _Batches:
    """The images as batches, decoded when they are first asked for: at most 512 of 224 px, 308 MB."""

    def __init__(
        self,
        images: Sequence[LabelledImage],
        measuring: Measuring,
        side: int,
        *,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._images, self._measuring, self._side, self._batch_size = images, measuring, side, batch_size
        self._kept: list[Tensor] = []

    def __iter__(self) -> Iterator[Tensor]:
        if self._kept:
            yield from self._kept
            return
        backbone = self._measuring.backbone
        preprocessing = Preprocessing(
            self._side, backbone.mean, backbone.std, backbone.interpolation, backbone.crop
        )
        paths = [image.path for image in self._images]
        loader = measuring_loader(
            paths, preprocessing, batch_size=self._batch_size, workers=self._measuring.workers
        )
        for batch in loader:
            self._kept.append(batch)
            yield batch


def _through(
    batches: Iterable[Tensor], measuring: Measuring, weights: WeightsRecord, advance: Callable[[int], None]
) -> Features:
    """Return the features of every stage."""
    model = build(
        measuring.backbone,
        n_classes=2,
        weights=weights,
        seed=measuring.seed,
        image_size=measuring.side,
    )
    return extract_features(
        model,
        layer_groups(model),
        batches,
        with_stages=True,
        training_statistics=weights.source == "none",
        progress=advance,
    )


def _stage_scores(features: Features, labels: NDArray[np.str_]) -> tuple[tuple[str, float], ...]:
    return tuple((name, probe_accuracy(values, labels)) for name, values in features.stages.items())


def _at_own_size(
    images: Sequence[LabelledImage], measuring: Measuring, advance: Callable[[int], None]
) -> tuple[tuple[float, float] | None, Certainty | None]:
    """Return the early and late shift, and how certain ImageNet's classifier is, at the size it was trained with.

    The second is None where the weights bring no such classifier, the first where the network keeps no statistics.
    """
    if not images:
        return None, None
    model, classifies = _with_own_classifier(measuring)
    model.eval().to(memory_format=torch.channels_last)
    answers = []
    with ShiftWatch(model) as watch, inferring("fp32"):
        for batch in _Batches(images, measuring, measuring.backbone.image_size, batch_size=MEASURING_BATCH):
            answers.append(model(batch.contiguous(memory_format=torch.channels_last)))
            advance(len(batch))
    shifts = watch.shifts()
    return (
        early_and_late(shifts) if len(shifts) > 1 else None,
        certainty_of(torch.cat(answers)) if classifies else None,
    )


def _with_own_classifier(measuring: Measuring) -> tuple[nn.Module, bool]:
    """Return the pretrained network, and whether it has ImageNet's classifier."""
    backbone, weights = measuring.backbone, measuring.weights
    shape: dict[str, Any] = {"seed": measuring.seed, "image_size": backbone.image_size}
    model = build(backbone, n_classes=IMAGENET_CLASSES, weights=NO_WEIGHTS, **shape)
    try:
        load_pretrained(model, weights, keep_classifier=True)
    except WeightsError:  # a classifier of other classes, or none
        return build(backbone, n_classes=2, weights=weights, **shape), False
    return model, True


class _Counter:
    """Adds up the images done."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, n_images: int) -> None:
        self._done += n_images
        if self._progress is not None:
            self._progress(self._done, self._total)
