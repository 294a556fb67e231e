"""What terminal and page say alike of a data set's health. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finetune.words import noted, t

WHOSE_CHANNELS = noted(
    "training from pretrained weights takes the backbone's, --strategy from-scratch the data's own; --normalization "
    "says otherwise"
)


def training_images(split_folders: Mapping[str, str]) -> str:
    """Return what the images are called that training can draw on, by the splits that a set comes with."""
    return t("the training images") if split_folders else t("all images")


def balance_words(imbalance: Mapping[str, Any], whose: str) -> str:
    """Return in one sentence how unequal the classes are, of ``whose`` images."""
    if imbalance["ratio"] == 1:
        return t("Of {} each class has equally many.").format(whose)
    return t(
        "Of {whose} '{largest}' has {ratio:.1f} times as many as '{smallest}' (effectively {effective:.1f} times)."
    ).format(whose=whose, **imbalance)


def check_words(check: Mapping[str, Any] | None, backbone: Mapping[str, Any] | None) -> str:
    """Return in one sentence what the features of ``backbone`` made of likely duplicates; empty without any."""
    if check is None or backbone is None or not check["candidates"]:
        return ""
    return t(
        "The features of {} turned down {:,} of {:,} likely duplicate pairs, those whose thumbnails show one picture."
    ).format(backbone["name"], check["turned_down"], check["candidates"])
