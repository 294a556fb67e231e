"""The plan becomes true of the network: gradients, modes, optimizer groups, and the share that trains."""

import pytest
from networks import narrow, network
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from finetune.model.freezing import apply_plan, optimizer_groups, trainable_share
from finetune.model.layers import layer_groups
from strategies import STRATEGIES, make_strategy


def training_modules(model: nn.Module) -> set[str]:
    return {name for name, module in model.named_modules() if module.training and not list(module.children())}


def test_partial_trains_the_last_stage_but_holds_its_statistics() -> None:
    model = network()
    grouping = layer_groups(model)
    model.train()
    freezing = apply_plan(model, grouping, make_strategy("partial").plan(grouping.groups))
    training = training_modules(model)
    assert "fc" in training
    assert "layer4.0.conv1" in training
    assert "layer3.0.conv1" not in training
    assert not any(isinstance(model.get_submodule(name), _BatchNorm) for name in training)
    model.train()
    assert "layer3.0.conv1" in training_modules(model)
    freezing.hold()
    assert training_modules(model) == training


def test_the_dropout_of_frozen_dense_layers_is_held_too() -> None:
    model = narrow("vgg11")
    dropout = model.get_submodule("pre_logits.drop")
    assert isinstance(dropout, nn.Dropout)
    grouping = layer_groups(model)
    model.train()
    apply_plan(model, grouping, make_strategy("freeze-all").plan(grouping.groups))
    assert not dropout.training
    model.train()
    apply_plan(model, grouping, make_strategy("partial").plan(grouping.groups))
    assert dropout.training


def test_from_scratch_holds_nothing() -> None:
    model = network()
    grouping = layer_groups(model)
    model.train()
    freezing = apply_plan(model, grouping, make_strategy("from-scratch").plan(grouping.groups))
    assert freezing.held == ()
    assert all(module.training for module in model.modules())


def test_a_plan_thaws_what_an_earlier_one_froze() -> None:
    model = network()
    grouping = layer_groups(model)
    for name, n_training in (
        ("freeze-all", 2),
        ("from-scratch", len(list(model.parameters()))),
        ("freeze-all", 2),
    ):
        apply_plan(model, grouping, make_strategy(name).plan(grouping.groups))
        assert sum(parameter.requires_grad for parameter in model.parameters()) == n_training


def test_the_optimizer_s_groups_carry_rate_decay_and_name() -> None:
    model = network()
    grouping = layer_groups(model)
    plan = make_strategy("full-finetune", {"layer_decay": 0.5}).plan(grouping.groups)
    groups = optimizer_groups(model, grouping, plan, lr=0.1, weight_decay=0.3)
    assert [(group["name"], group["lr"], group["weight_decay"]) for group in groups] == [
        (name + suffix, 0.1 * 0.5**distance, decay)
        for distance, name in zip(
            range(5, -1, -1), ("stem", "layer1", "layer2", "layer3", "layer4", "fc"), strict=True
        )
        for suffix, decay in (("", 0.3), (" (no decay)", 0.0))
    ]


@pytest.mark.parametrize(("strategy", "share"), [("full-finetune", 1.0), ("from-scratch", 1.0)])
def test_training_every_layer_trains_every_parameter(strategy: str, share: float) -> None:
    grouping = layer_groups(network())
    assert trainable_share(grouping, make_strategy(strategy).plan(grouping.groups)) == share


def test_the_share_counts_parameters_not_layers() -> None:
    grouping = layer_groups(network("resnet18", n_classes=2))
    total = 11_177_538
    shares = {
        name: trainable_share(grouping, make_strategy(name).plan(grouping.groups)) for name in STRATEGIES
    }
    assert shares["freeze-all"] == pytest.approx((512 * 2 + 2) / total)
    assert shares["partial"] == pytest.approx((8_393_728 + 512 * 2 + 2) / total)
