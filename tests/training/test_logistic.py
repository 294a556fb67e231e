"""The regressions' gradient is autograd's, and each problem's optimum is its own, whatever stands beside it."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from finetune.training.logistic import Regressions, minimise

N_CLASSES = 4


def problem(n_rows: int = 60, width: int = 7, *, n_problems: int = 3, seed: int = 0) -> Regressions:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(n_rows, width, generator=generator, dtype=torch.float64)
    targets = torch.arange(n_rows) % N_CLASSES
    features[:, :N_CLASSES] += 1.5 * F.one_hot(targets, N_CLASSES)
    weights = torch.rand(n_problems, n_rows, generator=generator, dtype=torch.float64)
    weights[:, ::5] = 0
    return Regressions(features, targets, weights, N_CLASSES)


def objective(regressions: Regressions, parameters: Tensor, penalties: Tensor) -> Tensor:
    """The same by torch's own loss, one problem after the other."""
    values = []
    for one, weights, penalty in zip(parameters, regressions.row_weights, penalties, strict=True):
        logits = regressions.features @ one[:, :-1].T + one[:, -1]
        losses = F.cross_entropy(logits, regressions.targets, reduction="none")
        values.append((weights * losses).sum() / weights.sum() + penalty / 2 * one[:, :-1].square().sum())
    return torch.stack(values)


def test_value_gradient_and_curvature_are_those_of_autograd() -> None:
    regressions = problem()
    penalties = torch.tensor([0.01, 0.1, 1.0], dtype=torch.float64)
    parameters = torch.randn(regressions.start().shape, dtype=torch.float64, requires_grad=True)
    expected = objective(regressions, parameters, penalties)
    (slope,) = torch.autograd.grad(expected.sum(), parameters)
    value, gradient = regressions.value_and_gradient(parameters.detach(), penalties)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(gradient, slope)
    hessian = torch.autograd.functional.hessian(
        lambda some: objective(regressions, some, penalties).sum(), parameters.detach()
    )
    diagonal = torch.as_tensor(hessian).reshape(parameters.numel(), -1).diagonal().reshape(parameters.shape)
    torch.testing.assert_close(regressions.inverse_curvature(parameters.detach(), penalties), 1 / diagonal)


def test_problems_side_by_side_reach_the_optimum_that_each_reaches_alone() -> None:
    regressions = problem()
    penalties = torch.tensor([0.001, 0.03, 1.0], dtype=torch.float64)
    together = minimise(regressions, penalties, start=regressions.start(), tolerance=1e-8)
    _, gradient = regressions.value_and_gradient(together, penalties)
    assert gradient.abs().max() <= 1e-8
    for rank in range(3):
        alone = Regressions(
            regressions.features, regressions.targets, regressions.row_weights[rank : rank + 1], N_CLASSES
        )
        solved = minimise(alone, penalties[rank : rank + 1], start=alone.start(), tolerance=1e-8)
        torch.testing.assert_close(solved[0], together[rank], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("inverse_strength", [0.01, 1.0])
def test_the_optimum_is_scikit_learn_s_with_sample_weights(inverse_strength: float) -> None:
    regressions = problem(n_problems=1)
    weights = regressions.row_weights[0]
    penalties = (1 / (inverse_strength * weights.sum())).reshape(1)
    solved = minimise(regressions, penalties, start=regressions.start(), tolerance=1e-9)[0]
    model = LogisticRegression(C=inverse_strength, tol=1e-10, max_iter=10_000)
    model.fit(regressions.features.numpy(), regressions.targets.numpy(), sample_weight=weights.numpy())
    np.testing.assert_allclose(solved[:, :-1].numpy(), model.coef_, atol=1e-5)
    np.testing.assert_allclose(solved[:, -1].numpy(), model.intercept_, atol=1e-5)


def test_any_start_leads_to_the_same_optimum() -> None:
    regressions = problem(n_problems=1)
    penalties = torch.tensor([0.01], dtype=torch.float64)
    far = 5 * torch.randn(regressions.start().shape, dtype=torch.float64)
    far[..., -1] = 0
    starts = (regressions.start(), far)
    near, other = (
        minimise(regressions, penalties, start=start, tolerance=1e-9)[..., :-1] for start in starts
    )
    torch.testing.assert_close(near, other, rtol=1e-4, atol=1e-5)


def test_rounding_ends_the_search_where_the_tolerance_cannot_be_met() -> None:
    double = problem()
    single = Regressions(double.features.float(), double.targets, double.row_weights.float(), N_CLASSES)
    penalties = torch.tensor([0.01, 0.1, 1.0])
    solved = minimise(single, penalties, start=single.start(), tolerance=0.0)
    exact = minimise(double, penalties.double(), start=double.start(), tolerance=1e-9)
    torch.testing.assert_close(solved.double(), exact, rtol=1e-2, atol=1e-3)
