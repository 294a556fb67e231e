"""The recipe's fields for single augmentations: one for each row of the family's table that is done to an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from finetune.data.augmentation.family import FAMILY, MIXED, PER_IMAGE
from finetune.data.augmentation.policies import Switches, strengths_of

if TYPE_CHECKING:
    from finetune.recipe.recipe import Recipe


def _up_to(name: str) -> Any:
    """Return the range of the augmentation's strength."""
    return Field(ge=0, le=FAMILY[name].most, allow_inf_nan=False)


def _open(name: str) -> Any:
    """Return the field's declaration: the policy's strength where nothing is said."""
    return Field(default=None, description=FAMILY[name].description)


class Augmentations(BaseModel):
    """Strengths of single augmentations, which win over the policy ``augment``; None leaves it to that, 0 is off."""

    crop: Annotated[float, _up_to("crop")] | None = _open("crop")
    scale: Annotated[float, _up_to("scale")] | None = _open("scale")
    hflip: bool | None = _open("hflip")
    vflip: bool | None = _open("vflip")
    rotation: Annotated[float, _up_to("rotation")] | None = _open("rotation")
    translate: Annotated[float, _up_to("translate")] | None = _open("translate")
    shear: Annotated[float, _up_to("shear")] | None = _open("shear")
    perspective: Annotated[float, _up_to("perspective")] | None = _open("perspective")
    brightness: Annotated[float, _up_to("brightness")] | None = _open("brightness")
    contrast: Annotated[float, _up_to("contrast")] | None = _open("contrast")
    saturation: Annotated[float, _up_to("saturation")] | None = _open("saturation")
    hue: Annotated[float, _up_to("hue")] | None = _open("hue")
    noise: Annotated[float, _up_to("noise")] | None = _open("noise")
    blur: Annotated[float, _up_to("blur")] | None = _open("blur")
    erasing: Annotated[float, _up_to("erasing")] | None = _open("erasing")
    trivial_augment: bool | None = _open("trivial_augment")
    rand_augment: Annotated[int, _up_to("rand_augment")] | None = _open("rand_augment")


def switches(recipe: Recipe) -> Switches:
    """Return the single augmentations that the recipe sets, each with its strength."""
    given = ((name, getattr(recipe, name)) for name in PER_IMAGE)
    return tuple((name, float(strength)) for name, strength in given if strength is not None)


def mixes(recipe: Recipe) -> Switches:
    """Return what mixes the images of a batch, each with its alpha."""
    given = ((name, getattr(recipe, name)) for name in MIXED)
    return tuple((name, float(alpha)) for name, alpha in given if alpha is not None)


def varies(recipe: Recipe) -> bool:
    """Whether the recipe as it stands, without defaults, augments images."""
    return bool(strengths_of(recipe.augment or "none", switches(recipe)))
