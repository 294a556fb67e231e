"""A network cut at its freeze line is the same network: logits, gradients, modes, whatever is frozen."""

import copy

import pytest
import timm
import torch
from networks import SIDE_PX, batch, moved, narrow, snapshot
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from finetune.model.freezing import apply_plan
from finetune.model.halves import Halves, split_at_freeze_line
from finetune.model.layers import layer_groups
from strategies import STRATEGIES, make_strategy

CASES = [
    ("test_resnet", 1, "layer3"),
    ("test_resnet", 2, "layer2"),
    ("resnet18", 1, "layer3"),
    ("resnet18", 3, "layer1"),
    ("tf_efficientnet_lite0", 1, "blocks.5"),
    ("tf_efficientnet_lite0", 3, "blocks.3"),
    ("test_efficientnet", 2, "blocks.2"),
    ("vgg11", 1, "features.15"),
    ("vgg11_bn", 2, "features.14"),
    ("test_convnext", 1, "stages.2"),
]


def frozen(name: str, strategy: str = "partial", **options: float) -> nn.Module:
    model = narrow(name).to(memory_format=torch.channels_last)
    grouping = layer_groups(model)
    apply_plan(model, grouping, make_strategy(strategy, options).plan(grouping.groups))
    return model


def halves_of(model: nn.Module) -> Halves:
    halves = split_at_freeze_line(model, image_size=SIDE_PX)
    assert halves is not None
    return halves


@pytest.mark.parametrize(("name", "stages", "cut"), CASES)
def test_the_halves_give_the_network_s_logits_to_the_bit(name: str, stages: int, cut: str) -> None:
    model = frozen(name, stages=stages)
    halves = halves_of(model)
    assert halves.cut == cut
    images = batch(5, n_images=3)[0].contiguous(memory_format=torch.channels_last)
    model.eval()
    with torch.no_grad():
        assert torch.equal(halves.upper(halves.lower(images)), model(images))


@pytest.mark.parametrize(("name", "stages"), [(name, stages) for name, stages, _ in CASES])
def test_what_trains_gets_the_same_gradient_to_the_bit(name: str, stages: int) -> None:
    model = frozen(name, stages=stages)
    grouping = layer_groups(model)
    freezing = apply_plan(model, grouping, make_strategy("partial", {"stages": stages}).plan(grouping.groups))
    halves = halves_of(model)
    model.train()
    freezing.hold()
    before = snapshot(model)
    images, targets = batch(1, n_images=4)
    images = images.contiguous(memory_format=torch.channels_last)
    gradients = []
    for halved in (False, True):
        torch.manual_seed(7)
        model.zero_grad()
        logits = halves.upper(halves.lower(images)) if halved else model(images)
        F.cross_entropy(logits, targets).backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    whole, cut = gradients
    assert whole.keys() == cut.keys() == {n for n, p in model.named_parameters() if p.requires_grad}
    assert all(torch.equal(whole[n], cut[n]) for n in whole)
    assert not moved(before, model.state_dict())


@pytest.mark.parametrize(
    ("name", "cut", "width"),
    [
        ("test_resnet", "global_pool", 96),
        ("tf_efficientnet_lite0", "global_pool", 1280),
        ("vgg11", "head.global_pool", 4096),
        ("test_convnext", "head.flatten", 64),
    ],
)
def test_where_only_the_head_trains_its_input_crosses_the_line(name: str, cut: str, width: int) -> None:
    halves = halves_of(frozen(name, "freeze-all"))
    assert halves.cut == cut
    assert halves.lower(batch(0)[0]).flatten(1).shape == (2, width)


def test_dropout_before_the_head_is_drawn_above_the_line() -> None:
    model = timm.create_model("test_resnet", num_classes=3, drop_rate=0.5)
    grouping = layer_groups(model)
    apply_plan(model, grouping, make_strategy("freeze-all").plan(grouping.groups))
    halves = halves_of(model)
    model.train()
    activations = halves.lower(batch(0)[0])
    assert torch.equal(activations, halves.lower(batch(0)[0]))
    assert not torch.equal(halves.upper(activations), halves.upper(activations))
    model.eval()
    assert torch.equal(halves.upper(activations), halves.upper(activations))


def test_nothing_is_kept_for_a_backward_pass_below_the_line() -> None:
    halves = halves_of(frozen("test_resnet"))
    kept: list[int] = []

    def count(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        activations = halves.lower(batch(0)[0])
        assert activations.grad_fn is None
        assert kept == []
        assert halves.upper(activations).grad_fn is not None
    assert kept


@pytest.mark.parametrize("strategy", ["full-finetune", "from-scratch"])
def test_a_network_that_trains_from_its_first_layer_has_no_halves(strategy: str) -> None:
    assert strategy in STRATEGIES
    assert split_at_freeze_line(frozen("test_resnet", strategy), image_size=SIDE_PX) is None


def test_a_line_through_the_middle_of_a_block_is_refused() -> None:
    model = frozen("test_resnet")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith(("layer4.0.conv2", "fc.")))
    assert split_at_freeze_line(model, image_size=SIDE_PX) is None


def test_the_halves_of_a_copy_train_the_copy() -> None:
    model = frozen("test_resnet")
    halves = copy.deepcopy(halves_of(model))
    before = snapshot(model)
    optimizer = torch.optim.SGD([p for p in halves.model.parameters() if p.requires_grad], lr=0.1)
    activations = halves.lower(batch(0)[0])
    first = halves.upper(activations)
    first.sum().backward()
    optimizer.step()
    assert not torch.equal(halves.upper(activations), first)
    assert not moved(before, model.state_dict())


def test_the_modes_stay_as_they_were() -> None:
    model = frozen("test_resnet")
    model.train()
    modes = [module.training for module in model.modules()]
    halves_of(model)
    assert [module.training for module in model.modules()] == modes


def test_the_state_below_is_what_decides_the_activations() -> None:
    halves = halves_of(frozen("test_resnet"))
    below = {name.split(".", 1)[1] for name in halves.state_below()}
    assert "0.conv1.weight" in below
    assert "running_mean" in below
    assert sum(tensor.numel() for tensor in halves.state_below().values()) < sum(
        parameter.numel() for parameter in halves.model.parameters()
    )
