"""The sheet of training images as the recipe varies them, so that no augmentation is a surprise."""

from __future__ import annotations

from finetune.data.augmentation.preview import draw_sheet
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.recipe.augmentations import mixes
from finetune.training.learner import Learner
from finetune.training.loaders import transform_of
from finetune.training.run_folder import RunFolder


def draw_preview(learner: Learner, recipe: Recipe, folder: RunFolder, *, reporter: Reporter) -> None:
    """Draw `finetune.data.augmentation.preview.draw_sheet` for the training images, and say which it left out."""
    paths = [image.path for image in learner.split.train]
    sheet = draw_sheet(paths, transform_of(learner, recipe), mixes(recipe))
    sheet.picture.save(folder.augmentation)
    for note in sheet.notes:
        reporter.say(note)
