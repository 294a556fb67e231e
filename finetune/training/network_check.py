"""Refuse what this very network cannot take, as soon as it is known which it is: before weights or images are read.

What a name alone tells is refused by the recipe already (`finetune.recipe.rules`); here are those that timm builds.
"""

from __future__ import annotations

from finetune.errors import OptionError
from finetune.model.backbones import CATALOGUE, Backbone
from finetune.model.build import skips_blocks
from finetune.recipe import Recipe


def refuse_unfit(recipe: Recipe, backbone: Backbone) -> None:
    """Raise OptionError for the first choice of ``recipe`` that ``backbone`` cannot take under any strategy."""
    if recipe.grow_from is not None and backbone.fixed_size:
        raise OptionError(
            f"--grow-from needs a network for inputs of any size, but {backbone.name} is built for one; leave it out"
        )
    if recipe.stochastic_depth is not None and not skips_blocks(backbone):
        others = ", ".join(row.name for row in CATALOGUE.values() if row.has_residual_blocks)
        raise OptionError(
            f"--stochastic-depth skips residual blocks, but {backbone.name} has none that timm can skip; leave it "
            f"out, or choose one of {others}"
        )
