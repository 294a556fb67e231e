"""The baselines are their formulas, are known to timm, and are cut, built and listed like any other network."""

import pytest
import timm
import torch
from networks import batch, moved, step
from torch import Tensor, nn

from finetune.model.backbones import CATALOGUE, find_backbone, name_of
from finetune.model.baselines import Baseline, cnn_small, fc2, fc3
from finetune.model.build import build
from finetune.model.heads import make_activation
from finetune.model.layers import layer_groups
from finetune.model.weights import NO_WEIGHTS, whereabouts

NAMES = [name for name, row in CATALOGUE.items() if row.is_baseline]
ACTIVATIONS = ("relu", "leaky-relu", "sigmoid", "tanh")


def built(name: str, image_size: int = 32, **options: object) -> nn.Module:
    return build(
        find_backbone(name),
        n_classes=3,
        weights=NO_WEIGHTS,
        seed=0,
        image_size=image_size,
        options=options,
    ).eval()


def weights_of(model: nn.Module) -> list[tuple[Tensor, Tensor | None]]:
    return [(layer.weight, layer.bias) for layer in model.modules() if isinstance(layer, nn.Linear)]


def test_the_catalogue_has_the_three_of_them() -> None:
    assert NAMES == ["fc2", "fc3", "cnn-small"]
    assert [whereabouts(CATALOGUE[name]) for name in NAMES] == ["none"] * 3


@pytest.mark.parametrize("name", NAMES)
def test_a_row_says_what_the_network_is(name: str) -> None:
    row = CATALOGUE[name]
    model = timm.create_model(row.timm_name)
    config = timm.models.get_pretrained_cfg(row.timm_name)
    assert sum(parameter.numel() for parameter in model.parameters()) == row.n_parameters
    assert config.input_size == (3, row.image_size, row.image_size)
    assert (config.mean, config.std, config.crop_pct, config.license) == (
        row.mean,
        row.std,
        row.crop,
        row.licence,
    )
    assert config.fixed_input_size == row.fixed_size is True
    assert not config.has_weights
    assert not row.has_weights
    assert name_of(row.timm_name) == name
    assert find_backbone(f"{name}.{row.tag}") is row


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_fc2_is_w2_of_the_activation_of_w1_x_and_b1_and_b2(activation: str) -> None:
    model = built("fc2", hidden=(20,), activation=activation, negative_slope=0.1)
    (first, first_bias), (second, second_bias) = weights_of(model)
    images, _ = batch(1, 4, 32)
    hidden = make_activation(activation, 0.1)(images.flatten(1) @ first.T + first_bias)
    assert torch.allclose(model(images), hidden @ second.T + second_bias, atol=1e-5)
    assert first.shape == (20, 3 * 32 * 32)


def test_fc3_is_w3_max_0_w2_max_0_w1_x_without_a_bias() -> None:
    model = built("fc3", hidden=(20, 10))
    (first, *_), (second, *_), (third, *_) = weights_of(model)
    images, _ = batch(1, 4, 32)
    hidden = (images.flatten(1) @ first.T).clamp(min=0)
    hidden = (hidden @ second.T).clamp(min=0)
    assert torch.allclose(model(images), hidden @ third.T, atol=1e-5)
    assert {bias for _, bias in weights_of(model)} == {None}
    assert torch.equal(model(torch.zeros_like(images)), torch.zeros(4, 3))


def test_one_width_is_both_of_fc3() -> None:
    assert [weight.shape[0] for weight, _ in weights_of(built("fc3", hidden=(12,)))] == [12, 12, 3]


def test_cnn_small_is_convolution_relu_and_pool_repeated_then_dense() -> None:
    model = built("cnn-small", hidden=(16,), channels=(4, 8))
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    (dense, dense_bias), (last, last_bias) = weights_of(model)
    images, _ = batch(1, 2, 32)
    maps = images
    for layer in convolutions:
        maps = nn.functional.conv2d(maps, layer.weight, layer.bias, padding=1).clamp(min=0)
        maps = nn.functional.max_pool2d(maps, 2)
    assert maps.shape == (2, 8, 8, 8)
    hidden = (maps.flatten(1) @ dense.T + dense_bias).clamp(min=0)
    assert torch.allclose(model(images), hidden @ last.T + last_bias, atol=1e-4)


def test_one_block_of_64_channels_at_224_px_pools_to_112_and_flattens_to_802816() -> None:
    with torch.device("meta"):
        model = cnn_small(img_size=224, channels=(64,), num_classes=2)
        convolution, activation, pool = model.stem
        maps = activation(convolution(torch.zeros(1, 3, 224, 224)))
        assert maps.shape == (1, 64, 224, 224)
        assert pool(maps).shape == (1, 64, 112, 112)
        assert pool(maps).flatten(1).shape == (1, 802_816)
    assert model.pre_logits[1].in_features == 802_816


@pytest.mark.parametrize("side_px", [32, 33, 50, 64])
@pytest.mark.parametrize("name", NAMES)
def test_any_input_size_can_be_chosen(name: str, side_px: int) -> None:
    assert built(name, side_px)(batch(0, 2, side_px)[0]).shape == (2, 3)


@pytest.mark.parametrize("name", NAMES)
def test_its_groups_lie_in_order_with_the_classifier_as_head(name: str) -> None:
    model = built(name)
    grouping = layer_groups(model)
    expected = {
        "fc2": ["stem"],
        "fc3": ["stem", "blocks.0"],
        "cnn-small": ["stem", "blocks.0", "blocks.1", "pre_logits"],
    }
    assert [group.name for group in grouping.groups] == [*expected[name], "classifier"]
    assert list(grouping.exits.values()) == expected[name]
    assert set(grouping.group_of) == set(model.state_dict())


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_learns_from_scratch(name: str) -> None:
    stepped = step("from-scratch", built(name, 64, hidden=(16,)))
    assert moved(stepped.before, stepped.after) == set(stepped.before)


@pytest.mark.parametrize("make", [fc2, fc3, cnn_small])
def test_it_answers_timm_s_own_questions(make: object) -> None:
    model: Baseline = make(num_classes=5, img_size=32)  # type: ignore[operator]
    images = batch(0, 2, 32)[0]
    features = model.forward_features(images)
    assert features.shape == (2, model.num_features)
    assert torch.equal(model.forward_head(features), model(images))
    assert torch.equal(model.forward_head(features, pre_logits=True), features)
    model.reset_classifier(0)
    assert torch.equal(model(images), features)
    model.reset_classifier(4)
    again = timm.create_model(make.__name__, num_classes=4, **model.model_args)  # type: ignore[attr-defined]
    again.load_state_dict(model.state_dict())
    assert torch.equal(again(images), model(images))
