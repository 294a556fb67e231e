"""Features that confirm near-duplicates, where the weights of the backbone are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from finetune.errors import WeightsError

if TYPE_CHECKING:
    import numpy as np

    from finetune.data.health.twins import FeaturesOf
    from finetune.model.backbones import Backbone
    from finetune.model.weights import WeightsRecord
    from finetune.progress import Reporter
    from finetune.training.picture_features import PictureFeatures


def features_at_hand(backbone: Backbone, reporter: Reporter) -> FeaturesOf | None:
    """Return what gives the features of ``backbone``, torch loaded when it is first asked; nothing is downloaded.

    None, which is said, where its weights are not on this machine.
    """
    from finetune.model.weights import locate_weights

    try:
        weights = locate_weights(backbone, "auto", offline=True, reporter=reporter)
    except WeightsError:
        reporter.say(
            f"note: the weights of {backbone.name} are not on this machine, so near-duplicates are judged by their "
            "thumbnails alone"
        )
        return None
    return _Lazy(backbone, weights, reporter)


class _Lazy:
    def __init__(self, backbone: Backbone, weights: WeightsRecord, reporter: Reporter) -> None:
        self._arguments = backbone, weights, reporter
        self._made: PictureFeatures | None = None

    def __call__(self, paths: Sequence[Path], *, mirrored: bool) -> np.ndarray:
        if self._made is None:
            from finetune.training.picture_features import PictureFeatures

            self._made = PictureFeatures(*self._arguments)
        return self._made(paths, mirrored=mirrored)
