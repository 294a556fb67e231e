"""Every strategy keeps its word on every family of backbones, after real optimizer steps in training mode."""

import gc
from collections.abc import Callable, Iterator
from itertools import product

import pytest
import torch
from networks import (
    N_CLASSES,
    WITH_GROUP_NORM,
    Stepped,
    batch,
    moved,
    narrow,
    network,
    statistics_names,
    step,
)
from torch import Tensor, nn

from finetune.model.layers import classifier_name
from strategies import STRATEGIES

FAMILIES = (
    "test_resnet",
    "resnet18",
    "tf_efficientnet_lite0",
    "vgg11",
    "vgg11_bn",
    "test_convnext",
    WITH_GROUP_NORM,
)
WITHOUT_BATCH_NORM = ("vgg11", "test_convnext", WITH_GROUP_NORM)
WITH_BATCH_NORM = tuple(name for name in FAMILIES if name not in WITHOUT_BATCH_NORM)
KEEPS_STATISTICS = ("freeze-all", "partial", "full-finetune")


CASES = [(*case, narrow) for case in product(STRATEGIES, FAMILIES)]
FULL_WIDTH = ("partial", "vgg11_bn", network)
"""One VGG with all of its 133 million parameters."""


def case_id(case: tuple[str, str, Callable[..., nn.Module]]) -> str:
    strategy, backbone, make = case
    return f"{strategy}-{backbone}" + ("-full-width" if make is network else "")


@pytest.fixture(scope="module", params=[*CASES, FULL_WIDTH], ids=case_id)
def stepped(request: pytest.FixtureRequest) -> Iterator[Stepped]:
    strategy, backbone, make = request.param
    yield step(strategy, make(backbone))
    gc.collect()


def output_of(stepped: Stepped, module_name: str, images: Tensor) -> Tensor:
    seen: list[Tensor] = []
    hook = stepped.model.get_submodule(module_name).register_forward_hook(
        lambda _module, _inputs, output: seen.append(output.clone())
    )
    with torch.no_grad():
        stepped.tuner(images)
    hook.remove()
    return seen[0]


def test_what_is_frozen_is_bit_identical_running_statistics_included(stepped: Stepped) -> None:
    assert not moved(stepped.before, stepped.after) & stepped.tensors_of(frozen=True)


def test_every_tensor_that_should_train_has_moved(stepped: Stepped) -> None:
    statistics = statistics_names(stepped.model)
    stay = {name for name in statistics if stepped.plan.of(stepped.grouping.group_of[name]).hold_statistics}
    assert moved(stepped.before, stepped.after) == stepped.tensors_of(frozen=False) - stay


def test_frozen_tensors_ask_for_no_gradient_and_the_others_do(stepped: Stepped) -> None:
    frozen = stepped.tensors_of(frozen=True)
    for name, parameter in stepped.model.named_parameters():
        assert parameter.requires_grad == (name not in frozen), name
        assert (parameter.grad is None) == (name in frozen), name


def test_the_frozen_part_answers_alike_in_training_and_in_evaluation(stepped: Stepped) -> None:
    frozen = [group.name for group in stepped.plan.groups if group.is_frozen]
    if not frozen:
        assert stepped.plan.groups[0].lr_multiplier > 0
        return
    images, _ = batch(100, n_images=3)
    exit_name = stepped.grouping.exits[frozen[-1]]
    stepped.tuner.train()
    training = output_of(stepped, exit_name, images)
    stepped.tuner.eval()
    assert torch.equal(output_of(stepped, exit_name, images), training)


def test_switching_to_training_mode_again_and_again_thaws_nothing(stepped: Stepped) -> None:
    for _ in range(3):
        stepped.tuner.eval()
        stepped.tuner.train()
        with torch.no_grad():
            stepped.tuner(batch(7, n_images=4)[0])
    held = {
        name
        for name in statistics_names(stepped.model)
        if stepped.plan.of(stepped.grouping.group_of[name]).hold_statistics
    }
    assert not moved(stepped.after, stepped.model.state_dict()) & held
    stepped.model.load_state_dict(stepped.after)


def test_the_head_is_exactly_as_wide_as_the_classes(stepped: Stepped) -> None:
    head = stepped.model.get_submodule(stepped.grouping.head.name)
    assert isinstance(head, nn.Linear)
    assert head.out_features == N_CLASSES
    assert stepped.plan.groups[-1].lr_multiplier == 1


def test_the_optimizer_has_every_layer_group_from_the_start(stepped: Stepped) -> None:
    names = [group["name"].removesuffix(" (no decay)") for group in stepped.optimizer.param_groups]
    assert list(dict.fromkeys(names)) == [group.name for group in stepped.grouping.groups]
    optimized = [id(p) for group in stepped.optimizer.param_groups for p in group["params"]]
    assert sorted(optimized) == sorted(id(parameter) for parameter in stepped.model.parameters())


def test_only_tensors_of_two_or_more_dimensions_decay(stepped: Stepped) -> None:
    for group in stepped.optimizer.param_groups:
        dimensions = {parameter.ndim for parameter in group["params"]}
        if group["name"].endswith(" (no decay)"):
            assert group["weight_decay"] == 0
            assert dimensions == {1}
        else:
            assert group["weight_decay"] == 0.05
            assert min(dimensions) > 1


def test_each_layer_group_learns_at_its_own_rate(stepped: Stepped) -> None:
    for group in stepped.optimizer.param_groups:
        own = stepped.plan.of(group["name"].removesuffix(" (no decay)"))
        assert group["initial_lr"] == 1e-3 * own.lr_multiplier


@pytest.mark.parametrize("backbone", FAMILIES)
def test_the_head_is_fresh_and_drawn_from_the_seed(backbone: str) -> None:
    first, second = (narrow(backbone, seed=seed) for seed in (1, 2))
    head = f"{classifier_name(first)}.weight"
    assert not torch.equal(first.state_dict()[head], second.state_dict()[head])
    again = narrow(backbone, seed=1)
    assert torch.equal(first.state_dict()[head], again.state_dict()[head])


@pytest.mark.parametrize("backbone", WITH_BATCH_NORM)
def test_there_are_statistics_to_hold(backbone: str) -> None:
    """Else the tests above would pass on nothing."""
    names = statistics_names(narrow(backbone))
    assert {name.rpartition(".")[2] for name in names} == {
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_pretrained_statistics_are_held_and_those_from_scratch_move(strategy: str) -> None:
    stepped = step(strategy, network("test_resnet"))
    statistics = statistics_names(stepped.model)
    changed = moved(stepped.before, stepped.after)
    if strategy in KEEPS_STATISTICS:
        assert not changed & statistics
    else:
        assert changed >= statistics
    scales = {name.replace("running_mean", "weight") for name in statistics if name.endswith("running_mean")}
    assert scales & stepped.tensors_of(frozen=False) <= changed
