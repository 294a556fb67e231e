"""Gradients: numeric, by autograd and by the closed form are one, in float64."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from finetune.model.heads import ACTIVATIONS, HeadSpec, make_activation, make_head

STEP = 1e-5
CLOSE = 1e-7


def values(*shape: int, seed: int = 0) -> Tensor:
    """Distinct numbers well apart and away from 0, so that no maximum is a tie and no kink is near."""
    generator = torch.Generator().manual_seed(seed)
    count = int(torch.tensor(shape).prod())
    ranks = torch.randperm(count, generator=generator).double()
    return ((ranks - count / 2 + 0.37) / count * 4).reshape(shape)


def numeric(function: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    """(f(x + h) - f(x - h)) / 2h for each number of ``point``; ``function`` gives a scalar."""
    gradient = torch.zeros_like(point)
    for index in range(point.numel()):
        offset = torch.zeros_like(point)
        offset.view(-1)[index] = STEP
        difference = function(point + offset) - function(point - offset)
        gradient.view(-1)[index] = difference / (2 * STEP)
    return gradient


def by_autograd(function: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    point = point.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(function(point), point)
    return gradient


def check(function: Callable[[Tensor], Tensor], point: Tensor, closed_form: Tensor) -> None:
    assert torch.allclose(by_autograd(function, point), closed_form, rtol=0, atol=1e-12)
    assert torch.allclose(numeric(function, point), closed_form, rtol=0, atol=CLOSE)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(5,), (5, 4)])
def test_a_dense_head_s_gradients_are_right(activation: str, hidden: tuple[int, ...]) -> None:
    _check_head(HeadSpec("dense", hidden, activation, 0.2))


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_a_linear_and_a_cosine_head_s_gradients_are_right(kind: str) -> None:
    _check_head(HeadSpec(kind))


def _check_head(spec: HeadSpec) -> None:
    """For the features and every parameter."""
    torch.manual_seed(0)
    head = make_head(spec, 6, 3).double()
    names = [name for name, _ in head.named_parameters()]
    inputs = (values(4, 6), *(parameter.detach() for parameter in head.parameters()))

    def answer(features: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(head, given, features)

    assert gradcheck(answer, tuple(tensor.clone().requires_grad_() for tensor in inputs))


@pytest.mark.parametrize("spec", [HeadSpec(dropout=0.4), HeadSpec("dense", (5,), dropout=0.4)])
def test_dropout_lets_the_gradient_through_where_it_let_the_feature_through(spec: HeadSpec) -> None:
    head = make_head(spec, 6, 3).double()

    def answer(features: Tensor) -> Tensor:
        torch.manual_seed(3)
        return head(features)  # type: ignore[no-any-return]

    assert gradcheck(answer, (values(4, 6).requires_grad_(),))


@pytest.mark.parametrize(
    ("name", "derivative"),
    [
        ("relu", lambda x: (x > 0).double()),
        ("leaky-relu", lambda x: torch.where(x > 0, torch.ones_like(x), torch.full_like(x, 0.2))),
        ("sigmoid", lambda x: torch.sigmoid(x) * (1 - torch.sigmoid(x))),
        ("tanh", lambda x: 1 - torch.tanh(x) ** 2),
    ],
)
def test_an_activation_s_derivative_is_the_textbook_s(
    name: str, derivative: Callable[[Tensor], Tensor]
) -> None:
    point, upstream = values(12), values(12, seed=1)
    activation = make_activation(name, 0.2)
    check(lambda x: (activation(x) * upstream).sum(), point, derivative(point) * upstream)


def test_addition_hands_the_gradient_on_to_both() -> None:
    x, y, upstream = values(5), values(5, seed=1), values(5, seed=2)
    check(lambda x: ((x + y) * upstream).sum(), x, upstream)
    check(lambda y: ((x + y) * upstream).sum(), y, upstream)


def test_multiplication_swaps_the_factors() -> None:
    x, y, upstream = values(5), values(5, seed=1), values(5, seed=2)
    check(lambda x: (x * y * upstream).sum(), x, y * upstream)
    check(lambda y: (x * y * upstream).sum(), y, x * upstream)


def test_copies_add_up_their_gradients() -> None:
    x, one, other = values(5), values(5, seed=1), values(5, seed=2)
    check(lambda x: (x * one).sum() + (x * other).sum(), x, one + other)


def test_the_maximum_hands_the_gradient_to_the_larger_alone() -> None:
    x, y, upstream = values(5), values(5, seed=1) + 0.05, values(5, seed=2)
    check(lambda x: (torch.maximum(x, y) * upstream).sum(), x, (x > y) * upstream)
    check(lambda y: (torch.maximum(x, y) * upstream).sum(), y, (y > x) * upstream)


@pytest.mark.parametrize("padding", [0, 1])
def test_a_convolution_s_gradients_are_convolutions(padding: int) -> None:
    """Of the image: the upstream gradient with the flipped kernel. Of the kernel: the image with the upstream."""
    image, kernel = values(1, 2, 5, 5), values(3, 2, 3, 3, seed=1)
    upstream = values(1, 3, 3 + 2 * padding, 3 + 2 * padding, seed=2)
    of_image = F.conv2d(upstream, kernel.transpose(0, 1).flip(2, 3), padding=2 - padding)
    of_kernel = F.conv2d(image.transpose(0, 1), upstream.transpose(0, 1), padding=padding).transpose(0, 1)
    check(lambda image: (F.conv2d(image, kernel, padding=padding) * upstream).sum(), image, of_image)
    check(lambda kernel: (F.conv2d(image, kernel, padding=padding) * upstream).sum(), kernel, of_kernel)


def test_a_convolution_s_bias_gets_the_sum_over_positions() -> None:
    image, kernel, upstream = values(2, 2, 4, 4), values(3, 2, 3, 3, seed=1), values(2, 3, 2, 2, seed=2)
    check(
        lambda bias: (F.conv2d(image, kernel, bias) * upstream).sum(),
        values(3, seed=3),
        upstream.sum(dim=(0, 2, 3)),
    )


def test_max_pooling_hands_the_gradient_to_each_window_s_largest() -> None:
    image, upstream = values(1, 2, 4, 4), values(1, 2, 2, 2, seed=1)
    largest = F.max_pool2d(image, 2).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    spread = upstream.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    check(lambda image: (F.max_pool2d(image, 2) * upstream).sum(), image, (image == largest) * spread)


def test_average_pooling_spreads_the_gradient_evenly() -> None:
    image, upstream = values(1, 2, 4, 4), values(1, 2, 2, 2, seed=1)
    spread = upstream.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) / 4
    check(lambda image: (F.avg_pool2d(image, 2) * upstream).sum(), image, spread)
