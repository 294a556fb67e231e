"""Score one backbone on a set's images: how well its frozen features tell the classes apart, and at what cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune.advice.measures.neighbours import neighbour_accuracy
from finetune.advice.similarity import BATCH_SIZE, SIDE_PX, probe_accuracy, probe_hits
from finetune.data.decode_once import DecodedImages
from finetune.data.loading import MEASURING_BATCH
from finetune.data.transforms import Preprocessing
from finetune.errors import WeightsError
from finetune.model.backbones import Backbone
from finetune.model.build import build, build_empty
from finetune.model.features import Features, extract_features
from finetune.model.layers import layer_groups
from finetune.model.timing import forward_ms
from finetune.model.weights import WeightsRecord

IMAGENET_CLASSES = 1_000
PASSES = 2
"""Times that each image is counted for a backbone: when it goes through the network, and when it is judged."""


@dataclass(frozen=True, eq=False)
class BackboneScores:
    """What was measured on n images of ``image_size`` px; accuracies lie in [0, 1].

    ``hits`` says of each image, in their order, whether the cross-validated ridge probe on all stages names its
    class. ``last_layer`` is the accuracy of such a probe on the classifier's input alone, ``neighbours`` that of the
    nearest neighbours there. ``n_parameters`` counts the 1000-class network; ``ms_per_image`` is the time of a
    forward pass here.
    """

    image_size: int
    n_parameters: int
    hits: NDArray[np.bool_]
    last_layer: float
    neighbours: float
    ms_per_image: float

    @property
    def accuracy(self) -> float:
        """Return the share of images that the probe on all stages is right about."""
        return float(self.hits.mean())


def measuring_preprocessing(backbone: Backbone, image_size: int | None = None) -> Preprocessing:
    """Return how images are made for ``backbone``: at `similarity.SIDE_PX` where no ``image_size`` in px is named.

    A network that is built for one size gets that.
    """
    side = backbone.image_size if backbone.fixed_size else image_size or SIDE_PX
    return Preprocessing(side, backbone.mean, backbone.std, backbone.interpolation, backbone.crop)


def parameters_of(backbone: Backbone) -> int:
    """Return the parameters of the 1000-class network, counted where the catalogue does not know them.

    Raises WeightsError for a network that timm cannot build.
    """
    if backbone.n_parameters:
        return backbone.n_parameters
    empty = build_empty(backbone, n_classes=IMAGENET_CLASSES, image_size=backbone.image_size)
    return sum(parameter.numel() for parameter in empty.parameters())


def score_backbone(
    backbone: Backbone,
    weights: WeightsRecord,
    images: DecodedImages,
    labels: NDArray[np.str_],
    *,
    preprocessing: Preprocessing,
    seed: int,
    progress: Callable[[int], None],
) -> BackboneScores:
    """Score ``backbone`` on ``images``, which were decoded for ``preprocessing``, and their n ``labels``.

    Each class has two images or more. ``progress`` is called with numbers of images, `PASSES` times n in all. Raises
    WeightsError when the weights do not fit, or give features that are no numbers.
    """
    side = preprocessing.image_size
    model = build(backbone, n_classes=2, weights=weights, seed=seed, image_size=side)
    features = extract_features(
        model,
        layer_groups(model),
        images.batches(preprocessing, batch_size=BATCH_SIZE),
        with_stages=True,
        progress=progress,
    )
    pooled = _finite(features, weights)
    return BackboneScores(
        image_size=side,
        n_parameters=parameters_of(backbone),
        hits=probe_hits(pooled, labels, progress=progress),
        last_layer=probe_accuracy(features.penultimate, labels),
        neighbours=neighbour_accuracy(features.penultimate, labels),
        ms_per_image=forward_ms(model, next(images.batches(preprocessing, batch_size=MEASURING_BATCH))),
    )


def _finite(features: Features, weights: WeightsRecord) -> NDArray[np.float32]:
    pooled = features.pooled()
    if not np.isfinite(pooled).all():
        raise WeightsError(
            f"the weights {weights.origin} give features that are no numbers, so nothing can be told from them; "
            "choose other weights or another backbone"
        )
    return pooled
