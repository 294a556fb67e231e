"""Named sets of augmentations with their strengths, and what single switches make of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from finetune.data.augmentation.family import FAMILY, PER_IMAGE, TURNING

PolicyName = Literal["none", "crop", "crop-flip", "light", "medium", "strong"]
Switches = tuple[tuple[str, float], ...]
"""Single augmentations with the strength that was chosen for each, 0 for off; they win over the policy."""

HALF = 0.5
"""Crops of at least half of the area suit fine-tuning on few images better than the 8 % made for ImageNet."""

POLICIES: dict[PolicyName, dict[str, float]] = {
    "none": {},
    "crop": {"crop": HALF},
    "crop-flip": {"crop": HALF, "hflip": 1},
    "light": {"crop": 0.25, "hflip": 1, "brightness": 0.1, "contrast": 0.1},
    "medium": {
        "crop": HALF,
        "hflip": 1,
        "rotation": 10,
        "brightness": 0.2,
        "contrast": 0.2,
        "saturation": 0.2,
        "hue": 0.02,
    },
    "strong": {
        "crop": 0.7,
        "hflip": 1,
        "rotation": 20,
        "shear": 8,
        "perspective": 0.2,
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.4,
        "hue": 0.05,
        "noise": 0.03,
        "blur": 0.01,
        "erasing": 0.25,
    },
}
"""A crop moves and scales already. Vertical flips, TrivialAugment, RandAugment, mixup and CutMix are in none."""

CAREFUL: tuple[PolicyName, ...] = ("light", "medium", "strong")
"""Policies that leave flips and rotations out where the class names forbid them; ``crop-flip`` says that it flips."""


@dataclass(frozen=True)
class Strengths:
    """What is done to a training image: the augmentations that are on, in the family's order, above 0 each.

    ``keeps_upright`` tells that rotation was switched off: then TrivialAugment and RandAugment do not turn either.
    Raises ValueError for a name that is no augmentation of an image, or a strength out of its range.
    """

    on: Switches = ()
    keeps_upright: bool = False

    def __post_init__(self) -> None:
        """Refuse what the family's table does not allow."""
        for name, strength in self.on:
            if name not in PER_IMAGE or not 0 < strength <= FAMILY[name].most:
                raise ValueError(f"no augmentation '{name}' of strength {strength}")

    def __getitem__(self, name: str) -> float:
        """Return the strength of an augmentation, 0 where it is off."""
        return dict(self.on).get(name, 0.0)

    def __bool__(self) -> bool:
        return bool(self.on)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.on)

    def to_json(self) -> dict[str, float | bool]:
        """Return name and strength of what is on, and ``keeps_upright`` where that is asked."""
        return {**dict(self.on), **({"keeps_upright": True} if self.keeps_upright else {})}


def strengths_of(policy: PolicyName, switches: Mapping[str, float] | Switches = ()) -> Strengths:
    """Return what ``policy`` comes to where ``switches`` win over it."""
    chosen = dict(switches)
    values = {**POLICIES[policy], **chosen}
    on = tuple((name, float(values[name])) for name in PER_IMAGE if values.get(name))
    unknown = values.keys() - set(PER_IMAGE)
    if unknown:
        raise ValueError(f"no augmentation '{min(unknown)}'")
    return Strengths(on, keeps_upright=chosen.get("rotation") == 0)


def turned_by(policy: PolicyName, switches: Mapping[str, float]) -> tuple[str, ...]:
    """Return what would mirror or turn images although nobody chose it by name."""
    if policy not in CAREFUL and not any(switches.get(name) for name in ("trivial_augment", "rand_augment")):
        return ()
    own = dict(POLICIES[policy]) if policy in CAREFUL else {}
    drawn = any(switches.get(name) for name in ("trivial_augment", "rand_augment"))
    would = {name for name in TURNING if own.get(name)} | ({"rotation"} if drawn else set())
    return tuple(name for name in TURNING if name in would and name not in switches)
