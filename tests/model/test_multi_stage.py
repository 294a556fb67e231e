"""A multi-stage classifier reads every stage's mean beside the last features, and leaves no listener behind."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from networks import N_CLASSES, SIDE_PX, batch, moved, narrow, network, snapshot, step
from torch import nn

from finetune.model.build import with_head
from finetune.model.features import extract_features
from finetune.model.heads import HeadSpec
from finetune.model.layers import classifier_name, layer_groups
from finetune.model.multi_stage import MultiStageClassifier

NAMES = ("test_resnet", "test_efficientnet", "test_convnext", "vgg11", "test_vit")
MULTI_STAGE = HeadSpec("multi-stage")


def multi_stage(name: str = "test_resnet") -> nn.Module:
    return with_head(narrow(name), MULTI_STAGE, n_classes=N_CLASSES, image_size=SIDE_PX).eval()


@pytest.mark.parametrize("name", NAMES)
def test_its_features_are_the_means_of_the_stages_and_the_network_s_own_last(name: str) -> None:
    plain, images = narrow(name), batch(1, 3)[0]
    found = extract_features(plain, layer_groups(plain), [images], with_stages=True)
    *stages, _last_stage = found.stages.values()
    expected = np.concatenate([*stages, found.penultimate], axis=1)
    model = multi_stage(name)
    own = extract_features(model, layer_groups(model), [images]).penultimate
    assert own.shape[1] == model.num_features == expected.shape[1]
    assert np.array_equal(own, expected)


@pytest.mark.parametrize("name", NAMES)
def test_its_groups_are_the_network_s_own_with_another_head(name: str) -> None:
    plain, model = layer_groups(narrow(name)), multi_stage(name)
    grouping = layer_groups(model)
    assert grouping.groups[:-1] == plain.groups[:-1]
    assert set(grouping.group_of) == set(model.state_dict())
    assert (grouping.head.name, classifier_name(model)) == ("head", "head")
    total = sum(parameter.numel() for parameter in model.parameters())
    assert sum(group.n_parameters for group in grouping.groups) == total
    for exit in grouping.exits.values():
        model.get_submodule(exit)


def test_no_listener_stays_behind_even_when_a_pass_fails() -> None:
    model = multi_stage()
    model(batch(1)[0])
    with pytest.raises(RuntimeError, match="expected input"):
        model(torch.zeros(1, 4, SIDE_PX, SIDE_PX))
    assert not any(module._forward_hooks for module in model.modules())


def test_passes_in_two_threads_do_not_hear_each_other() -> None:
    model = multi_stage()
    inputs = [batch(number, 2)[0] for number in range(24)]
    with torch.no_grad():
        alone = [model(images) for images in inputs]

        def answer(images: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                return model(images)  # type: ignore[no-any-return]

        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(answer, inputs))
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))


def test_a_copy_listens_to_its_own_layers() -> None:
    model = multi_stage()
    other = copy.deepcopy(model)
    images = batch(2)[0]
    with torch.no_grad():
        expected = model(images)
        for parameter in model.parameters():
            parameter.zero_()
        assert torch.equal(other(images), expected)


def test_under_freeze_all_only_its_head_moves() -> None:
    stepped = step("freeze-all", multi_stage())
    assert moved(stepped.before, stepped.after) == {"head.weight", "head.bias"}
    assert snapshot(stepped.model).keys() == stepped.before.keys()


def test_it_is_built_from_a_network_with_any_classifier_width() -> None:
    model = with_head(network(n_classes=9), MULTI_STAGE, n_classes=2, image_size=SIDE_PX)
    assert isinstance(model, MultiStageClassifier)
    assert model(batch(0)[0]).shape == (2, 2)
