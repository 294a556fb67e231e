"""Published accuracies of ResNet-50 with frozen features, fine-tuned, and trained from scratch.

Full training sets: Grill et al., *Bootstrap your own latent*, NeurIPS 2020, table 3 (supervised ImageNet weights).
"""

from __future__ import annotations

from typing import NamedTuple


class FullSet(NamedTuple):
    """A data set of ``n`` training images in ``k`` classes; accuracies in per cent."""

    name: str
    n: int
    k: int
    frozen: float
    tuned: float
    scratch: float


FULL_SETS = (
    FullSet("Food-101", 75_750, 101, 72.3, 88.3, 86.9),
    FullSet("CIFAR-10", 50_000, 10, 93.6, 97.5, 95.9),
    FullSet("CIFAR-100", 50_000, 100, 78.3, 86.4, 80.2),
    FullSet("Birdsnap", 47_386, 500, 53.7, 75.8, 76.1),
    FullSet("SUN397", 19_850, 397, 61.9, 64.3, 53.6),
    FullSet("Cars", 8_144, 196, 66.7, 92.1, 91.4),
    FullSet("Aircraft", 6_667, 100, 61.0, 86.0, 85.9),
    FullSet("VOC2007", 5_011, 20, 82.8, 85.0, 67.3),
    FullSet("DTD", 3_760, 47, 74.9, 74.6, 64.8),
    FullSet("Pets", 3_680, 37, 91.5, 92.1, 81.5),
    FullSet("Caltech-101", 3_060, 101, 94.5, 93.3, 72.6),
    FullSet("Flowers", 2_040, 102, 94.7, 97.6, 92.0),
)
