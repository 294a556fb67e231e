"""Features of a few images, to tell whether two of them show the same picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from PIL import ImageOps
from torch import Tensor, nn
from torch.utils.data import Dataset

from finetune.data.images import load_rgb
from finetune.data.loading import ordered_loader
from finetune.data.transforms import Preprocessing
from finetune.errors import ImageError
from finetune.model.backbones import Backbone
from finetune.model.build import build
from finetune.model.features import FloatArray, extract_features
from finetune.model.layers import layer_groups
from finetune.model.weights import WeightsRecord
from finetune.progress import SILENT, Reporter
from finetune.training.resolve import preprocessing_of


class PictureFeatures:
    """What the pretrained ``backbone`` sees in images; the network is built when the first are asked for."""

    def __init__(self, backbone: Backbone, weights: WeightsRecord, reporter: Reporter = SILENT) -> None:
        self._backbone = backbone
        self._weights = weights
        self._reporter = reporter

    @cached_property
    def _model(self) -> nn.Module:
        side = self._backbone.image_size
        return build(self._backbone, n_classes=2, weights=self._weights, seed=0, image_size=side)

    def __call__(self, paths: Sequence[Path], *, mirrored: bool) -> FloatArray:
        """Return the classifier's input for ``paths``, or for their mirror images: n x d, in their order.

        A row of a file that can no longer be read is not a number in any place.
        """
        preprocessing = preprocessing_of(self._backbone, self._backbone.image_size)
        images = _Pictures(paths, preprocessing, mirrored=mirrored)
        done = 0
        with self._reporter.track("comparing likely duplicates") as advance:

            def count(n_images: int) -> None:
                nonlocal done
                done += n_images
                advance(done, len(paths))

            return extract_features(
                self._model, layer_groups(self._model), ordered_loader(images, len(paths)), progress=count
            ).penultimate


class _Pictures(Dataset[Tensor]):
    def __init__(self, paths: Sequence[Path], preprocessing: Preprocessing, *, mirrored: bool) -> None:
        self._paths = paths
        self._preprocessing = preprocessing
        self._mirrored = mirrored

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, rank: int) -> Tensor:
        try:
            rgb = load_rgb(self._paths[rank])
        except ImageError:
            side = self._preprocessing.image_size
            return torch.full((3, side, side), torch.nan)
        return self._preprocessing(ImageOps.mirror(rgb) if self._mirrored else rgb)
