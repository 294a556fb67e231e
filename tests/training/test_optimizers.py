"""Every optimizer by name takes our layer groups, leaves frozen ones alone, and goes on from its saved state."""

import pytest
import torch
from networks import State, batch, moved, network, snapshot
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torch.optim import Optimizer

from finetune.model.freezing import apply_plan, optimizer_groups
from finetune.model.layers import layer_groups
from finetune.recipe import Recipe
from finetune.recipe.names import OPTIMIZERS, WITH_MOMENTUM
from finetune.training.optimizers import make_optimizer
from finetune.training.rates import LR_FACTORS, default_lr, default_weight_decay
from finetune.training.tree import pack, unpack
from strategies import make_strategy


def optimizer_of(model: nn.Module, name: str | None, **choices: object) -> Optimizer:
    grouping = layer_groups(model)
    plan = make_strategy("partial").plan(grouping.groups)
    apply_plan(model, grouping, plan)
    recipe = Recipe.make(optimizer=name, **{"lr": 0.01, **choices})
    return make_optimizer(optimizer_groups(model, grouping, plan, lr=0.01, weight_decay=0.05), recipe)


def train(model: nn.Module, optimizer: Optimizer, numbers: range) -> State:
    for number in numbers:
        images, targets = batch(number, side_px=32)
        optimizer.zero_grad()
        F.cross_entropy(model.eval()(images), targets).backward()
        optimizer.step()
    return snapshot(model)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_it_moves_what_is_free_and_goes_on_from_its_saved_state_to_the_bit(name: str) -> None:
    model = network()
    before = snapshot(model)
    optimizer = optimizer_of(model, name)
    after = train(model, optimizer, range(2))
    changed = moved(before, after)
    assert {"fc.weight", "layer4.0.conv1.weight"} <= changed
    assert all(tensor.startswith(("layer4.", "fc.")) for tensor in changed)
    assert [group["name"] for group in optimizer.param_groups][-2:] == ["fc", "fc (no decay)"]
    state = unpack(*pack(optimizer.state_dict()))
    whole = train(model, optimizer, range(2, 4))
    resumed = network(seed=1)
    again = optimizer_of(resumed, name)
    resumed.load_state_dict(after)
    again.load_state_dict(state)
    assert not moved(whole, train(resumed, again, range(2, 4)))


def test_adamw_and_sgd_are_those_of_torch_with_what_the_recipe_says() -> None:
    assert type(optimizer_of(network(), None)) is torch.optim.AdamW
    sgd = optimizer_of(network(), "sgd", momentum=0.8, nesterov=True)
    assert type(sgd) is torch.optim.SGD
    assert (sgd.defaults["momentum"], sgd.defaults["nesterov"]) == (0.8, True)
    assert optimizer_of(network(), "sgd").defaults["momentum"] == 0.9


@pytest.mark.parametrize("name", WITH_MOMENTUM)
def test_momentum_reaches_every_optimizer_that_has_it(name: str) -> None:
    assert {group["momentum"] for group in optimizer_of(network(), name, momentum=0.7).param_groups} == {0.7}


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in WITH_MOMENTUM])
def test_no_other_optimizer_has_momentum(name: str) -> None:
    assert "momentum" not in optimizer_of(network(), name).defaults


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_default_rate_times_the_default_decay_is_the_same_for_all(name: str) -> None:
    product = default_lr(name, 5e-4) * default_weight_decay(name, 0.01)
    assert product == pytest.approx(5e-4 * 0.01)
    assert set(LR_FACTORS) <= set(OPTIMIZERS)
