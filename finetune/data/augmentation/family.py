"""Every augmentation by name: what it does, what its strength means, and how far that may go.

The recipe's fields, the command line, the page, `finetune augment` and the docs are made from this table.
A strength of 0 is the image as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["geometry", "colour", "drawn", "mixed"]
Kind = Literal["switch", "number", "whole"]
"""A ``switch`` is on (1) or off (0)."""


@dataclass(frozen=True)
class Augmentation:
    """One row: ``does`` says what happens to an image, ``strength`` what the number is, from 0 to ``most``.

    ``turns`` tells that a mirrored or turned image may belong to another class, such as 6 and 9.
    """

    name: str
    group: Group
    does: str
    strength: str
    kind: Kind = "number"
    most: float = 1
    turns: bool = False

    def __post_init__(self) -> None:
        """Refuse a switch with a range."""
        if self.most <= 0 or (self.kind == "switch" and self.most != 1):
            raise ValueError(f"the range of {self.name} ends at {self.most}")

    @property
    def description(self) -> str:
        """Return what an option's help says: what it does, and the number's meaning and range."""
        if self.kind == "switch":
            return f"{self.does}{f', {self.strength}' if self.strength else ''}."
        return f"{self.does}: {self.strength}, 0 to {self.most:g}."


FAMILY = {
    row.name: row
    for row in (
        Augmentation("crop", "geometry", "Random resized crop", "largest share cut away", most=0.9),
        Augmentation("scale", "geometry", "Larger or smaller", "largest change as a share", most=0.9),
        Augmentation("hflip", "geometry", "Horizontal flip", "of half of the images", "switch", turns=True),
        Augmentation("vflip", "geometry", "Vertical flip", "of half of the images", "switch", turns=True),
        Augmentation("rotation", "geometry", "Rotation", "largest angle, degrees", most=180, turns=True),
        Augmentation("translate", "geometry", "Shift", "largest share of the side", most=0.5),
        Augmentation("shear", "geometry", "Shear", "largest angle, degrees", most=60),
        Augmentation(
            "perspective", "geometry", "Perspective of half of the images", "largest move of a corner"
        ),
        Augmentation("brightness", "colour", "Brightness", "largest change as a share"),
        Augmentation("contrast", "colour", "Contrast", "largest change as a share"),
        Augmentation("saturation", "colour", "Saturation", "largest change as a share"),
        Augmentation("hue", "colour", "Hue", "largest share of the colour circle", most=0.5),
        Augmentation("noise", "colour", "Gaussian noise", "std as a share of the range", most=0.5),
        Augmentation(
            "blur", "colour", "Gaussian blur of half of the images", "largest sigma by side", most=0.05
        ),
        Augmentation("erasing", "colour", "Random erasing of a box", "share of the images"),
        Augmentation(
            "trivial_augment", "drawn", "TrivialAugment", "one operation at a random strength", "switch"
        ),
        Augmentation("rand_augment", "drawn", "RandAugment", "magnitude of two operations", "whole", most=30),
        Augmentation("mixup", "mixed", "Mixup, two images blended", "alpha", most=10),
        Augmentation("cutmix", "mixed", "CutMix, a box of another image", "alpha", most=10),
    )
}
"""Sources: crop Szegedy et al. (CVPR 2015); erasing Zhong et al. (AAAI 2020); trivial_augment Müller and Hutter
(ICCV 2021); rand_augment Cubuk et al. (NeurIPS 2020); mixup Zhang et al. (ICLR 2018); cutmix Yun et al. (ICCV 2019).
"""

PER_IMAGE = tuple(name for name, row in FAMILY.items() if row.group != "mixed")
"""What is done to one image; the others mix the images of a batch, beside any policy."""

MIXED = tuple(name for name, row in FAMILY.items() if row.group == "mixed")

TURNING = tuple(name for name, row in FAMILY.items() if row.turns)
"""What is left out of a policy where the class names tell that it could change the label."""


def flag(name: str) -> str:
    """Return the option of an augmentation, such as ``--trivial-augment``."""
    return "--" + name.replace("_", "-")
