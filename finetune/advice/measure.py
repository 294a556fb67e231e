"""Measure a data set through a pretrained network, once: all that the advice rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetune.advice.measures.certainty import Certainty, certainty_of
from finetune.advice.measures.learning_curve import LearningCurve, learning_curve
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
from finetune.data.loading import measuring_loader
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
MOST_FOR_CERTAINTY = 160
"""Images shown to ImageNet's own classifier, at the size it was trained with: 160 settle the mean within 0.02."""


@dataclass(frozen=True)
class Measures:
    """What was measured on ``n_images`` of a training split; accuracies lie in [0, 1].

    ``gain`` is the transfer gain, its ``accuracy_pretrained`` the probe of all stages; ``last_layer`` is that of the
    classifier's input alone, ``stages`` that of each stage alone in the network's order. ``shift`` is the early and
    late batch-norm shift, None without batch norm; ``certainty`` None where the weights bring no classifier of
    ImageNet's; ``curve`` None where classes are too small.
    """

    n_images: int
    gain: TransferGain
    neighbours: float
    last_layer: float
    stages: tuple[tuple[str, float], ...]
    log_me: float
    h_score: float
    shift: tuple[float, float] | None
    certainty: Certainty | None
    curve: LearningCurve | None

    @property
    def peak_stage(self) -> int:
        """Return the place of the best stage, 0 for the first; of equals the last."""
        scores = [score for _, score in self.stages]
        return max(range(len(scores)), key=lambda place: (scores[place], place))

    def to_json(self) -> dict[str, Any]:
        """Return every number under the names of the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Measures:
        """Return what `to_json` gave."""
        known = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        made = known | {
            "gain": TransferGain(**values["gain"]),
            "stages": tuple((name, score) for name, score in values["stages"]),
            "shift": None if values["shift"] is None else (values["shift"][0], values["shift"][1]),
            "certainty": None if values["certainty"] is None else Certainty(**values["certainty"]),
            "curve": None if values["curve"] is None else _curve(values["curve"]),
        }
        return cls(**made)


def _curve(values: Mapping[str, Any]) -> LearningCurve:
    lists = {name: tuple(values[name]) for name in ("sizes", "errors")}
    return LearningCurve(**{**values, **lists})


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
    progress: Callable[[int, int], None] | None = None,
) -> Measures:
    """Measure up to `similarity.MOST_IMAGES` of the training ``images``, classes in equal shares.

    ``progress`` gets (done, total) images that went through a network. Raises DataError when fewer than two classes
    have two images.
    """
    chosen = choose_images(images, seed=measuring.seed)
    labels = np.array([image.label for image in chosen])
    if len(set(labels.tolist())) < 2:
        raise DataError(
            "similarity needs 2 classes with at least 2 training images each; add images or name a --strategy"
        )
    certain = chosen[:MOST_FOR_CERTAINTY] if measuring.weights.source != "none" else []
    advance = _Counter(progress, 2 * len(chosen) + len(certain))
    batches = _batches(chosen, measuring, measuring.side)
    features, shift = _through(batches, measuring, measuring.weights, advance)
    random, _ = _through(batches, measuring, NO_WEIGHTS, advance)
    pooled = features.pooled()
    pretrained, by_chance = (probe_accuracy(part, labels) for part in (pooled, random.pooled()))
    return Measures(
        n_images=len(chosen),
        gain=TransferGain(transfer_gain(pretrained, by_chance), pretrained, by_chance, len(chosen)),
        neighbours=neighbour_accuracy(features.penultimate, labels),
        last_layer=probe_accuracy(features.penultimate, labels),
        stages=_stage_scores(features, labels),
        log_me=log_me(features.penultimate, labels),
        h_score=h_score(features.penultimate, labels),
        shift=shift,
        certainty=_certainty(certain, measuring, advance),
        curve=learning_curve(pooled, labels, seed=measuring.seed),
    )


def _batches(images: Sequence[LabelledImage], measuring: Measuring, side: int) -> list[Tensor]:
    """Return the images as batches, decoded once for both networks: at most 512 of 128 px, 100 MB."""
    backbone = measuring.backbone
    preprocessing = Preprocessing(side, backbone.mean, backbone.std, backbone.interpolation, backbone.crop)
    paths = [image.path for image in images]
    return list(measuring_loader(paths, preprocessing, batch_size=BATCH_SIZE, workers=measuring.workers))


def _through(
    batches: Sequence[Tensor], measuring: Measuring, weights: WeightsRecord, advance: Callable[[int], None]
) -> tuple[Features, tuple[float, float] | None]:
    """Return the features of every stage and the early and late shift, where the network keeps statistics."""
    is_random = weights.source == "none"
    model = build(
        measuring.backbone,
        n_classes=2,
        weights=weights,
        seed=measuring.seed,
        image_size=measuring.side,
    )
    with ShiftWatch(model) as watch:
        features = extract_features(
            model,
            layer_groups(model),
            batches,
            with_stages=True,
            training_statistics=is_random,
            progress=advance,
        )
    shifts = watch.shifts()
    return features, early_and_late(shifts) if len(shifts) > 1 and not is_random else None


def _stage_scores(features: Features, labels: NDArray[np.str_]) -> tuple[tuple[str, float], ...]:
    return tuple((name, probe_accuracy(values, labels)) for name, values in features.stages.items())


def _certainty(
    images: Sequence[LabelledImage], measuring: Measuring, advance: Callable[[int], None]
) -> Certainty | None:
    """Ask ImageNet's classifier, where the weights bring one, at the size it was trained with."""
    backbone = measuring.backbone
    if not images:
        return None
    model = build(
        backbone,
        n_classes=IMAGENET_CLASSES,
        weights=NO_WEIGHTS,
        seed=measuring.seed,
        image_size=backbone.image_size,
    )
    try:
        load_pretrained(model, measuring.weights, keep_classifier=True)
    except WeightsError:
        return None  # a classifier of other classes, or none
    answers = []
    with inferring("fp32"):
        for batch in _batches(images, measuring, backbone.image_size):
            answers.append(model.eval()(batch))
            advance(len(batch))
    return certainty_of(torch.cat(answers))


class _Counter:
    """Adds up the images done."""

    def __init__(self, progress: Callable[[int, int], None] | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, n_images: int) -> None:
        self._done += n_images
        if self._progress is not None:
            self._progress(self._done, self._total)
