"""The arithmetic of a window that moves over an image: a convolution's or a pool's output size and padding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

Pair = tuple[int, int]
WINDOWED = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


def out_size(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int | Pair = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Return floor((size - K + 2 P) / S) + 1 with K = dilation (kernel - 1) + 1, all in pixels.

    ``padding`` is P, or what lies before and after. With ``ceil_mode``, which pools may have, the division is
    rounded up, but no window may begin beyond the image and the padding before it. Dumoulin and Visin, "A guide
    to convolution arithmetic for deep learning", 2016, relationships 6 and 12; torch's pooling for the latter.
    """
    before, after = (padding, padding) if isinstance(padding, int) else padding
    room = size + before + after - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    last = math.ceil(room / stride)
    return last if last * stride >= size + before else last + 1


def same_padding(size: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> Pair:
    """Return the padding before and after that gives ceil(size / stride), as TensorFlow's ``same`` has it."""
    total = max((math.ceil(size / stride) - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True)
class Window:
    """A layer's window, height first; ``padding`` is None where it hangs on the image's size (``same``)."""

    kernel: Pair
    stride: Pair
    padding: Pair | None
    dilation: Pair
    ceil_mode: bool

    @classmethod
    def of(cls, layer: nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) -> Window:
        """Return the window of ``layer``."""
        # timm's own kind of convolutions and pools pad what comes in, and have a padding of 0 themselves.
        is_same = type(layer).__name__.endswith("Same") or layer.padding == "same"
        return cls(
            _pair(layer.kernel_size),
            _pair(layer.stride),
            None if is_same else _pair(layer.padding),
            _pair(getattr(layer, "dilation", 1)),
            bool(getattr(layer, "ceil_mode", False)),
        )

    def around(self, sides: Pair) -> tuple[Pair, Pair]:
        """Return the padding before and after an image of height and width ``sides``, for each of the two."""
        if self.padding is not None:
            height, width = self.padding
            return (height, height), (width, width)
        rows, columns = (
            same_padding(side, kernel, stride=stride, dilation=dilation)
            for side, kernel, stride, dilation in zip(
                sides, self.kernel, self.stride, self.dilation, strict=True
            )
        )
        return rows, columns

    def output(self, sides: Pair) -> Pair:
        """Return the output's height and width for an image of height and width ``sides``."""
        height, width = (
            out_size(
                side, kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=self.ceil_mode
            )
            for side, kernel, stride, padding, dilation in zip(
                sides, self.kernel, self.stride, self.around(sides), self.dilation, strict=True
            )
        )
        return height, width

    def padding_text(self, sides: Pair) -> str:
        """Return the padding as ``1``, or ``0+1`` where what lies before and after differs."""
        texts = [
            f"{before}+{after}" if before != after else str(before) for before, after in self.around(sides)
        ]
        return texts[0] if texts[0] == texts[1] else " x ".join(texts)


def by(pair: Pair) -> str:
    """Return ``3``, or ``1 x 3`` where height and width differ."""
    return f"{pair[0]} x {pair[1]}" if pair[0] != pair[1] else str(pair[0])


def _pair(value: int | str | Sequence[int]) -> Pair:
    height, width = (value, value) if isinstance(value, int) else map(int, value)
    return height, width
