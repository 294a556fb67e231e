"""The size x similarity square as rows: which strategy each cell calls for, and why.

The thresholds are a starting point, not a law: on published results low accuracy with frozen layers, rather
than size or domain alone, says when to thaw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Size = Literal["small", "large"]
Similarity = Literal["similar", "different", "useless"]

LARGE_FROM_IMAGES = 5_000
SIMILAR_FROM_GAIN = 0.5
USELESS_BELOW_GAIN = 0.15


@dataclass(frozen=True)
class Rule:
    """One cell of the square: what to use, what comes second, and the reason in words."""

    name: str
    size: Size
    similarity: Similarity
    strategy: str
    runner_up: str
    why: str


RULES = (
    Rule(
        "small-similar",
        "small",
        "similar",
        "freeze-all",
        "partial",
        "few images that look to the network like what it knows: its features can be kept as they are, and "
        "training more layers would risk fitting the noise of a small set",
    ),
    Rule(
        "small-different",
        "small",
        "different",
        "partial",
        "full-finetune",
        "few images that the top layers' features do not fit well: the low layers see edges and textures "
        "everywhere and are kept, the high ones are trained",
    ),
    Rule(
        "small-useless",
        "small",
        "useless",
        "partial",
        "full-finetune",
        "pretrained features hardly help here, but so few images cannot teach a network from nothing: the low "
        "layers are kept and the high ones trained",
    ),
    Rule(
        "large-similar",
        "large",
        "similar",
        "full-finetune",
        "partial",
        "enough images to train every layer, and pretrained weights that are a good place to start from",
    ),
    Rule(
        "large-different",
        "large",
        "different",
        "full-finetune",
        "from-scratch",
        "enough images to move every layer to what is new; pretrained weights still start closer than random ones",
    ),
    Rule(
        "large-useless",
        "large",
        "useless",
        "from-scratch",
        "full-finetune",
        "enough images to learn from nothing, and pretrained features that measure as no better than random ones",
    ),
)


def size_of(n_train: int) -> Size:
    """Return the row of the square for ``n_train`` training images."""
    return "large" if n_train >= LARGE_FROM_IMAGES else "small"


def similarity_of(gain: float) -> Similarity:
    """Return the column of the square for the transfer gain G."""
    if gain >= SIMILAR_FROM_GAIN:
        return "similar"
    return "useless" if gain < USELESS_BELOW_GAIN else "different"


def find_rule(n_train: int, gain: float) -> Rule:
    """Return the one rule whose cell holds ``n_train`` images with transfer gain ``gain``."""
    cell = size_of(n_train), similarity_of(gain)
    return next(rule for rule in RULES if (rule.size, rule.similarity) == cell)
