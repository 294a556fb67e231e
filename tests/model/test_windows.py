"""Output sizes and paddings by the formula are those that torch and timm come to."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.padding import get_same_padding
from torch import nn

from finetune.model.windows import Window, out_size, same_padding

sizes = st.integers(1, 40)
kernels = st.integers(1, 7)
strides = st.integers(1, 4)
paddings = st.integers(0, 4)
dilations = st.integers(1, 3)


def after(layer: nn.Module, height: int, width: int) -> tuple[int, int]:
    with torch.device("meta"):
        given = layer(torch.zeros(1, 1, height, width))
    return tuple(given.shape[2:])


@given(sizes, kernels, strides, paddings, dilations)
def test_a_convolution_gives_the_size_of_the_formula(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    assume(size + 2 * padding >= dilation * (kernel - 1) + 1)
    layer = nn.Conv2d(1, 1, kernel, stride, padding, dilation, device="meta")
    expected = (size + 2 * padding - (dilation * (kernel - 1) + 1)) // stride + 1
    computed = out_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
    assert computed == expected == after(layer, size, size)[0]


@given(sizes, kernels, strides, st.data(), dilations, st.booleans())
def test_a_max_pool_gives_it_too_rounded_either_way(
    size: int, kernel: int, stride: int, data: st.DataObject, dilation: int, ceil_mode: bool
) -> None:
    padding = data.draw(st.integers(0, kernel // 2))
    assume(size + 2 * padding >= dilation * (kernel - 1) + 1)
    layer = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    computed = out_size(size, kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)
    assert computed == after(layer, size, size)[0]


@given(sizes, kernels, strides, st.data(), st.booleans())
def test_an_average_pool_gives_it_too(
    size: int, kernel: int, stride: int, data: st.DataObject, ceil_mode: bool
) -> None:
    padding = data.draw(st.integers(0, kernel // 2))
    assume(size + 2 * padding >= kernel)
    layer = nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil_mode)
    computed = out_size(size, kernel, stride=stride, padding=padding, ceil_mode=ceil_mode)
    assert computed == after(layer, size, size)[0]


@given(sizes, kernels, strides, dilations)
def test_same_padding_is_timm_s_and_gives_the_size_over_the_stride_rounded_up(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    padding = same_padding(size, kernel, stride=stride, dilation=dilation)
    assert sum(padding) == get_same_padding(size, kernel, stride, dilation)
    assert 0 <= padding[1] - padding[0] <= 1
    assert out_size(size, kernel, stride=stride, padding=padding, dilation=dilation) == -(-size // stride)


@given(sizes, sizes, st.tuples(kernels, kernels), st.tuples(strides, strides))
def test_height_and_width_are_told_apart(
    height: int, width: int, kernel: tuple[int, int], stride: tuple[int, int]
) -> None:
    layer = Conv2dSame(1, 1, kernel, stride, device="meta")
    assert Window.of(layer).output((height, width)) == after(layer, height, width)


@pytest.mark.parametrize(
    ("layer", "sides", "text"),
    [
        (nn.Conv2d(1, 1, 3, padding=1), (8, 8), "1"),
        (Conv2dSame(1, 1, 3, 2), (8, 8), "0+1"),
        (Conv2dSame(1, 1, 3, 2), (8, 9), "0+1 x 1"),
        (nn.Conv2d(1, 1, 5, padding="same"), (8, 8), "2"),
        (nn.Conv2d(1, 1, (1, 5), padding=(0, 2)), (8, 8), "0 x 2"),
    ],
)
def test_the_padding_is_written_as_it_lies_around_the_image(
    layer: nn.Conv2d, sides: tuple[int, int], text: str
) -> None:
    assert Window.of(layer).padding_text(sides) == text
