"""The usual names of a recipe's fields and of the strategies' options, in English. Pure."""

from __future__ import annotations

from finetune.words import noted

LABELS = {
    "accumulate": noted("Gradient accumulation"),
    "average_last": noted("Average of the last epochs"),
    "blur": noted("Gaussian blur"),
    "clip_norm": noted("Gradient clipping, norm"),
    "crop": noted("Random resized crop"),
    "cutmix": noted("CutMix alpha"),
    "ema": noted("EMA of the weights"),
    "erasing": noted("Random erasing"),
    "exclude": noted("Classes to leave out"),
    "find_lr": noted("Learning-rate finder"),
    "gamma": noted("Gamma of the step schedule"),
    "grow_from": noted("Growing input"),
    "head_first": noted("Head first (LP-FT)"),
    "hflip": noted("Horizontal flip"),
    "hidden": noted("Hidden layers"),
    "image_size": noted("Image size, px"),
    "l2": noted("L2 penalty"),
    "l2_sp": noted("L2-SP"),
    "lr": noted("Learning rate"),
    "mixup": noted("Mixup alpha"),
    "nesterov": noted("Nesterov momentum"),
    "noise": noted("Gaussian noise"),
    "rand_augment": noted("RandAugment"),
    "test_share": noted("Share of test images"),
    "translate": noted("Shift"),
    "trivial_augment": noted("TrivialAugment"),
    "unfreeze_at": noted("Gradual unfreezing"),
    "val_share": noted("Share of validation images"),
    "vflip": noted("Vertical flip"),
    "views": noted("Cached views"),
    "warmup_epochs": noted("Warm-up epochs"),
    "wise_ft": noted("WiSE-FT"),
}
"""Where the field's own name is not the usual one."""


def label_of(name: str) -> str:
    """Return the usual English name of a recipe's field or of a strategy's option."""
    return LABELS.get(name, name.replace("_", " ").capitalize())
