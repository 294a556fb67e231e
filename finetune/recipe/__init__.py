"""Every choice of one run, as a frozen value that checks itself once, at birth."""

from finetune.recipe.names import AUTO, DEFAULT_BATCH_SIZE, NAMED_WEIGHTS
from finetune.recipe.recipe import Recipe

__all__ = ["AUTO", "DEFAULT_BATCH_SIZE", "NAMED_WEIGHTS", "Recipe"]
