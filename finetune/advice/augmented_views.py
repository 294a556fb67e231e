"""Features of augmented views of a few training images, and the comparison of policies that they allow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from finetune.advice.augmentation_probe import PLAIN, TRIED, AugmentationProbe, compare_policies
from finetune.advice.measure import Measuring
from finetune.advice.measures.view_probe import folds_of, told_right
from finetune.advice.similarity import SIDE_PX, choose_images
from finetune.data.augmentation.labels import caution
from finetune.data.augmentation.policies import PolicyName, turned_by
from finetune.data.images import load_rgb
from finetune.data.loading import ordered_loader
from finetune.data.sources import LabelledImage
from finetune.data.transforms import Preprocessing, TrainingTransform
from finetune.errors import DataError
from finetune.model.build import build
from finetune.model.features import FloatArray, extract_features
from finetune.model.layers import layer_groups

MOST_IMAGES = 256
N_VIEWS = 2
"""With three policies at most 256 x (1 + 2 x 3) = 1,792 passes at 128 px: some ten seconds of two cores."""

BATCH_SIZE = 8
"""Images in a batch; each brings all its views."""


def probe_augmentation(
    images: Sequence[LabelledImage],
    measuring: Measuring,
    *,
    class_names: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
) -> AugmentationProbe:
    """Compare `TRIED` with no augmentation on up to `MOST_IMAGES` of the training ``images``.

    Where ``class_names`` forbid to mirror or turn, the policies go without, as they do in training. ``progress`` gets
    (done, total) views that went through the network. Raises DataError when fewer than two classes have two images.
    """
    chosen = chosen_to_augment(images, seed=measuring.seed)
    labels = np.array([image.label for image in chosen])
    if len(set(labels.tolist())) < 2:
        raise DataError(
            "the augmentation probe needs 2 classes with at least 2 training images each; add images or name a "
            "policy with --augment"
        )
    careful = caution(class_names) is not None
    transforms = [_transform(policy, measuring, careful=careful) for policy in TRIED]
    features = view_features(chosen, measuring, transforms, progress=progress)
    plain, augmented = features[:, 0], features[:, 1:]
    folds = folds_of(labels)
    right: dict[PolicyName, NDArray[np.bool_]] = {PLAIN: told_right(plain, features[:, :1], labels, folds)}
    for rank, policy in enumerate(TRIED):
        views = augmented[:, rank * N_VIEWS : (rank + 1) * N_VIEWS]
        right[policy] = told_right(plain, views, labels, folds)
    return compare_policies(right, n_views=N_VIEWS, keeps_upright=careful)


def chosen_to_augment(images: Sequence[LabelledImage], *, seed: int) -> list[LabelledImage]:
    """Return the images that `probe_augmentation` looks at, in its order."""
    return choose_images(images, seed=seed, most=MOST_IMAGES)


def view_features(
    images: Sequence[LabelledImage],
    measuring: Measuring,
    transforms: Sequence[TrainingTransform],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> FloatArray:
    """Return the pooled features, n x (1 + `N_VIEWS` x transforms) x d, of each image as it is and of its views.

    The first is the image as it is, then come the views of the first transform, and so on; all ``transforms`` share
    their preprocessing.
    """
    views = _Views(images, transforms)
    total = len(images) * views.n_views
    model = build(
        measuring.backbone,
        n_classes=2,
        weights=measuring.weights,
        seed=measuring.seed,
        image_size=transforms[0].preprocessing.image_size,
    )
    features = extract_features(
        model,
        layer_groups(model),
        views.batches(measuring.workers),
        with_stages=True,
        training_statistics=measuring.weights.source == "none",
        progress=_counted(progress, total),
    )
    return features.pooled().reshape(len(images), views.n_views, -1)


def _transform(policy: PolicyName, measuring: Measuring, *, careful: bool) -> TrainingTransform:
    backbone = measuring.backbone
    side = backbone.image_size if backbone.fixed_size else SIDE_PX
    preprocessing = Preprocessing(side, backbone.mean, backbone.std, backbone.interpolation, backbone.crop)
    off = tuple((name, 0.0) for name in turned_by(policy, {})) if careful else ()
    return TrainingTransform(preprocessing, policy, measuring.seed, switches=off)


class _Views(Dataset[Tensor]):
    """Item i is image i as it is measured and its views, n_views x side x side x 3 bytes; decoded once for all."""

    def __init__(self, images: Sequence[LabelledImage], transforms: Sequence[TrainingTransform]) -> None:
        self._images = images
        self._transforms = transforms
        self._sharpest = max(transforms, key=lambda transform: transform.enough_px or 0)
        self.n_views = 1 + N_VIEWS * len(transforms)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rank: int) -> Tensor:
        image = load_rgb(self._images[rank].path)
        plain = self._sharpest.preprocessing.resize_and_crop(image)
        shrunk = self._sharpest.shrink(image)
        crops = (
            transform.crop(shrunk, epoch=view, index=rank)
            for transform in self._transforms
            for view in range(N_VIEWS)
        )
        return torch.from_numpy(np.stack([np.array(crop) for crop in (plain, *crops)]))

    def batches(self, workers: int | None) -> Iterator[Tensor]:
        """Yield the network's inputs, image by image with all its views."""
        preprocessing = self._sharpest.preprocessing
        for block in ordered_loader(self, len(self), batch_size=BATCH_SIZE, workers=workers):
            yield preprocessing.normalise_batch(block.flatten(0, 1).numpy())


def _counted(progress: Callable[[int, int], None] | None, total: int) -> Callable[[int], None]:
    done = 0

    def count(n_views: int) -> None:
        nonlocal done
        done += n_views
        if progress is not None:
            progress(done, total)

    return count
