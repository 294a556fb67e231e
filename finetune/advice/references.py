"""Data sets whose place in the square is known, to look at beside one's own. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A data set of ``n_train`` training images with the transfer gain ``gain``, by its name in two languages."""

    name: str
    name_zh: str
    n_train: int
    gain: float


REFERENCES = (
    Reference("ants and bees", "蚂蚁和蜜蜂", 245, 0.823),
    Reference("drawn fruit", "手绘水果", 336, 0.746),
    Reference("handwritten digits", "手写数字", 1_259, 0.908),
    Reference("sign-language digits", "手语数字", 1_442, 0.849),
    Reference("blood cells", "血细胞", 3_400, 0.626),
    Reference("CIFAR-10", "CIFAR-10", 42_500, 0.592),
)
"""Measured by ``benchmarks/square.py`` with EfficientNet-Lite0 at 128 px."""
