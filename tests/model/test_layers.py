"""Layer groups: whole, disjoint, in network order, under the names that people see."""

from collections import Counter
from itertools import pairwise

import pytest
import torch
from torch import nn

from finetune.errors import WeightsError
from finetune.model.backbones import CATALOGUE, find_backbone
from finetune.model.build import build_empty
from finetune.model.layers import Grouping, classifier_name, layer_groups

RESNET = ("stem", "layer1", "layer2", "layer3", "layer4", "fc")
VGG = ("block1", "block2", "block3", "block4", "block5", "pre_logits", "head.fc")
LITE = ("stem", *(f"blocks.{stage}" for stage in range(7)), "classifier")
NAMES = {
    "resnet18": RESNET,
    "resnet50": RESNET,
    "test_resnet": RESNET,
    "vgg11": VGG,
    "vgg16_bn": VGG,
    "tf_efficientnet_lite0": LITE,
    "test_efficientnet": ("stem", *(f"blocks.{stage}" for stage in range(5)), "classifier"),
    "test_convnext": ("stem", *(f"stages.{stage}" for stage in range(4)), "head.fc"),
    "test_vit": ("stem", *(f"blocks.{block}" for block in range(6)), "head"),
}
EVERY = (*(name for name, row in CATALOGUE.items() if not row.is_baseline), "test_vit")


def empty(name: str, n_classes: int = 5) -> nn.Module:
    backbone = find_backbone(name)
    return build_empty(backbone, n_classes=n_classes, image_size=backbone.image_size)


def group_of_module(grouping: Grouping, module_name: str) -> set[str]:
    """The groups that hold the tensors of one module."""
    return {group for name, group in grouping.group_of.items() if name.startswith(f"{module_name}.")}


@pytest.mark.parametrize("name", NAMES)
def test_the_groups_have_the_names_that_the_family_gives_them(name: str) -> None:
    assert tuple(group.name for group in layer_groups(empty(name)).groups) == NAMES[name]


@pytest.mark.parametrize("name", EVERY)
def test_every_tensor_belongs_to_exactly_one_group(name: str) -> None:
    model = empty(name)
    grouping = layer_groups(model)
    assert set(grouping.group_of) == set(model.state_dict())
    names = [group.name for group in grouping.groups]
    assert len(set(names)) == len(names)
    assert set(grouping.group_of.values()) == set(names)


@pytest.mark.parametrize("name", EVERY)
def test_the_head_group_is_exactly_the_classifier(name: str) -> None:
    model = empty(name)
    grouping = layer_groups(model)
    head = grouping.head
    assert (head.name, head.role) == (classifier_name(model), "head")
    held = {tensor for tensor, group in grouping.group_of.items() if group == head.name}
    assert held == {f"{head.name}.weight", f"{head.name}.bias"}
    classifier = model.get_submodule(head.name)
    assert isinstance(classifier, nn.Linear)
    assert head.n_parameters == 5 * classifier.in_features + 5


@pytest.mark.parametrize("name", EVERY)
def test_the_sizes_add_up_to_the_network(name: str) -> None:
    model = empty(name, n_classes=1000)
    total = sum(group.n_parameters for group in layer_groups(model).groups)
    assert total == sum(parameter.numel() for parameter in model.parameters())
    if name in CATALOGUE:
        assert total == CATALOGUE[name].n_parameters


@pytest.mark.parametrize("name", EVERY)
def test_the_groups_follow_the_order_in_which_an_image_meets_them(name: str) -> None:
    backbone = find_backbone(name)
    model = empty(name)
    grouping = layer_groups(model)
    met: list[str] = []
    for group, exit_name in grouping.exits.items():
        model.get_submodule(exit_name).register_forward_hook(lambda *_, group=group: met.append(group))
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, backbone.image_size, backbone.image_size, device="meta"))
    assert met == [group.name for group in grouping.groups[:-1]]


@pytest.mark.parametrize("name", EVERY)
def test_only_the_first_group_is_a_stem_and_only_a_vgg_has_dense_layers(name: str) -> None:
    roles = Counter(group.role for group in layer_groups(empty(name)).groups)
    assert roles["stem"] == (0 if name.startswith("vgg") else 1)
    assert roles["dense"] == (1 if name.startswith("vgg") else 0)
    assert roles["stage"] >= 4
    assert roles["head"] == 1


@pytest.mark.parametrize(
    "name", [name for name in CATALOGUE if name.startswith("vgg") and name.endswith("_bn")]
)
def test_a_convolution_of_a_vgg_and_its_batch_norm_lie_in_one_block(name: str) -> None:
    model = empty(name)
    grouping = layer_groups(model)
    features = model.get_submodule("features")
    parts = [(f"features.{rank}", part) for rank, part in features.named_children()]
    for (conv, convolution), (norm, batch_norm) in pairwise(parts):
        if isinstance(convolution, nn.Conv2d):
            assert isinstance(batch_norm, nn.BatchNorm2d)
            assert group_of_module(grouping, conv) == group_of_module(grouping, norm)


def test_a_vgg_is_cut_at_its_max_pools_and_its_dense_layers_stand_alone() -> None:
    grouping = layer_groups(empty("vgg16_bn"))
    assert [group.n_parameters for group in grouping.groups] == [
        (3 * 64 + 64 * 64) * 9 + 2 * 3 * 64,
        (64 * 128 + 128 * 128) * 9 + 2 * 3 * 128,
        (128 * 256 + 2 * 256 * 256) * 9 + 3 * 3 * 256,
        (256 * 512 + 2 * 512 * 512) * 9 + 3 * 3 * 512,
        3 * 512 * 512 * 9 + 3 * 3 * 512,
        512 * 4096 * 49 + 4096 * 4096 + 2 * 4096,
        5 * 4096 + 5,
    ]
    assert grouping.exits["block1"] == "features.6"


def test_the_dense_layers_of_a_vgg_are_most_of_it() -> None:
    groups = layer_groups(empty("vgg16", n_classes=2)).groups
    share = groups[-2].n_parameters / sum(group.n_parameters for group in groups)
    assert share == pytest.approx(0.89, abs=0.005)


@pytest.mark.parametrize(("name", "share"), [("resnet18", 0.75), ("resnet50", 0.64)])
def test_the_last_stage_of_a_resnet_holds_most_of_it(name: str, share: float) -> None:
    groups = layer_groups(empty(name, n_classes=2)).groups
    total = sum(group.n_parameters for group in groups)
    assert groups[-2].n_parameters / total == pytest.approx(share, abs=0.01)


def test_the_convolution_above_the_blocks_belongs_to_the_last_of_them() -> None:
    grouping = layer_groups(empty("tf_efficientnet_lite0"))
    assert grouping.group_of["conv_head.weight"] == "blocks.6"
    assert grouping.group_of["bn2.running_mean"] == "blocks.6"
    assert grouping.group_of["bn1.running_var"] == "stem"
    assert grouping.exits["blocks.6"] == "bn2"


class Plain(nn.Module):
    """A network that timm knows nothing of, with a classifier or without."""

    def __init__(self, classifier: nn.Module | None) -> None:
        super().__init__()
        self.body = nn.Linear(4, 4)
        self.fc = classifier

    def get_classifier(self) -> nn.Module | None:
        return self.fc


def test_a_network_without_an_order_of_layers_is_refused() -> None:
    with pytest.raises(
        WeightsError, match="cannot order the layers of Plain; choose one of `finetune backbones`"
    ):
        layer_groups(Plain(nn.Linear(4, 2)))


@pytest.mark.parametrize("classifier", [None, nn.Conv2d(4, 2, 1), nn.Identity()])
def test_a_network_without_a_linear_classifier_is_refused(classifier: nn.Module | None) -> None:
    with pytest.raises(WeightsError, match="Plain has no single linear classifier to replace; choose one of"):
        classifier_name(Plain(classifier))


def test_a_network_with_two_classifiers_is_refused() -> None:
    with pytest.raises(WeightsError, match="VisionTransformerDistilled has no single linear classifier"):
        layer_groups(empty("deit_tiny_distilled_patch16_224"))
