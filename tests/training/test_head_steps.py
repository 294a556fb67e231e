"""A head that cannot be solved is fitted to fixed features: well, and alike from the same seed."""

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from finetune.model.heads import HeadSpec, make_head
from finetune.training.head import solve_head
from finetune.training.head_steps import STEPS, step_head

SPECS = (HeadSpec("dense", (16,), dropout=0.5), HeadSpec("dense", (16, 8), "tanh"), HeadSpec("cosine"))


def blobs(n: int = 240) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Three overlapping classes of features that are never negative, as those behind a relu."""
    generator = np.random.default_rng(0)
    targets = np.arange(n) % 3
    centres = generator.normal(0, 1, (3, 24))
    return np.maximum(0, centres[targets] + generator.normal(0, 0.6, (n, 24))).astype(np.float32), targets


def fresh(spec: HeadSpec) -> nn.Module:
    torch.manual_seed(1)
    return make_head(spec, 24, 3).eval()


def accuracy(head: nn.Module) -> float:
    features, targets = blobs()
    with torch.no_grad():
        return float((head(torch.from_numpy(features)).argmax(1).numpy() == targets).mean())


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}{len(spec.hidden)}")
def test_it_fits_what_a_linear_head_fits(spec: HeadSpec) -> None:
    features, targets = blobs()
    solved = solve_head(features, targets, n_classes=3, seed=0)
    linear = float((solved.logits(features).argmax(1) == targets).mean())
    head = fresh(spec)
    step_head(head, features, targets, seed=0)
    assert accuracy(head) > linear - 0.03
    assert linear > 0.9
    assert not any(module.training for module in head.modules())
    assert all(parameter.grad is None for parameter in head.parameters())


def test_the_same_seed_gives_the_same_head_to_the_bit_and_torch_s_generator_is_left_alone() -> None:
    features, targets = blobs()
    first, second, other = (fresh(SPECS[0]) for _ in range(3))
    before = torch.get_rng_state()
    step_head(first, features, targets, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    step_head(second, features, targets, seed=3)
    step_head(other, features, targets, seed=4)
    state = second.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in first.state_dict().items())
    assert not torch.equal(other.state_dict()["layers.0.weight"], state["layers.0.weight"])


def test_it_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    features, targets = blobs(9)
    step_head(
        copy.deepcopy(fresh(SPECS[2])), features, targets, seed=0, progress=lambda *now: told.append(now)
    )
    assert told[-1] == (STEPS, STEPS)
    assert told == sorted(told)
