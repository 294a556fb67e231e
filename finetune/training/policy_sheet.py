"""Draw what an augmentation policy does to the images of a set, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finetune.data.augmentation.preview import draw_sheet
from finetune.data.sources import open_source
from finetune.data.tracking import Track, untracked
from finetune.data.transforms import TrainingTransform
from finetune.model.backbones import find_backbone
from finetune.recipe import Recipe
from finetune.recipe.augmentations import mixes, switches
from finetune.training.careful import augmentation_json, with_care
from finetune.training.resolve import preprocessing_of

SIDE_PX = 224
"""The side of the input where the recipe leaves it open."""


def draw_policy(
    data: str, recipe: Recipe, path: Path, *, offline: bool = False, track: Track = untracked
) -> dict[str, Any]:
    """Draw the sheet of `finetune.data.augmentation.preview` for the images of ``data`` as the picture ``path``.

    Of ``recipe`` the policy, which is settled, the single augmentations, the image size, the excluded classes and the
    seed count. Returns what a report says of the augmentation, and the ``notes`` on it.

    Raises:
        DataError: there is no such data, or none of its images can be read.
    """
    source = open_source(data, exclude=recipe.exclude, offline=offline, track=track)
    class_names = sorted({image.label for image in source.images})
    careful, notes = with_care(recipe, class_names)
    prepared = preprocessing_of(find_backbone("resnet18"), recipe.image_size or SIDE_PX)
    transform = TrainingTransform(
        prepared, careful.augment or "none", recipe.seed, switches=switches(careful)
    )
    sheet = draw_sheet([image.path for image in source.images], transform, mixes(recipe))
    sheet.picture.save(path)
    return {**augmentation_json(careful, class_names), "notes": [*notes, *sheet.notes]}
