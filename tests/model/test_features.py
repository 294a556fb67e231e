"""Features are what timm computes in eval mode, in the order the images came, and the network is left as it was."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from networks import SIDE_PX, batch, moved, network, snapshot
from torch import Tensor, nn

from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.features import extract_features
from finetune.model.layers import layer_groups
from finetune.model.weights import NO_WEIGHTS

NAMES = ("test_resnet", "test_efficientnet", "test_convnext")


def batches() -> list[Tensor]:
    return [batch(number, n_images)[0] for number, n_images in ((1, 3), (2, 2))]


def seasoned(name: str = "test_resnet") -> nn.Module:
    """A network whose running statistics have seen something, in training mode."""
    model = network(name)
    model.train()
    for images in batches():
        model(images)
    return model


@pytest.mark.parametrize("name", NAMES)
def test_the_penultimate_features_are_those_that_timm_gives_the_classifier(name: str) -> None:
    model = seasoned(name)
    features = extract_features(model, layer_groups(model), batches())
    model.eval()
    with torch.no_grad():
        expected = [model.forward_head(model.forward_features(x), pre_logits=True) for x in batches()]  # type: ignore[operator]
    np.testing.assert_allclose(features.penultimate, torch.cat(expected).numpy(), rtol=1e-5, atol=1e-6)
    assert features.penultimate.dtype == np.float32
    assert features.stages == {}


def test_the_classifier_on_the_features_gives_the_network_s_own_logits() -> None:
    model = seasoned()
    features = extract_features(model, layer_groups(model), batches()).penultimate
    model.eval()
    classifier = model.get_submodule("fc")
    with torch.no_grad():
        logits = torch.cat([model(images) for images in batches()])
        rebuilt = classifier(torch.from_numpy(features))
    np.testing.assert_allclose(rebuilt.numpy(), logits.numpy(), rtol=1e-4, atol=1e-5)


def test_a_stage_s_features_are_the_mean_of_its_output_over_positions() -> None:
    model = seasoned()
    grouping = layer_groups(model)
    features = extract_features(model, grouping, batches(), with_stages=True)
    assert list(features.stages) == ["stem", "layer1", "layer2", "layer3", "layer4"]
    model.eval()
    with torch.no_grad():
        last = torch.cat([model.forward_features(images) for images in batches()])  # type: ignore[operator]
    np.testing.assert_allclose(features.stages["layer4"], last.mean(dim=(2, 3)).numpy(), rtol=1e-4, atol=1e-6)
    widths = [stage.shape[1] for stage in features.stages.values()]
    assert features.pooled().shape == (5, sum(widths) + features.penultimate.shape[1])
    np.testing.assert_array_equal(features.pooled()[:, : widths[0]], features.stages["stem"])


def test_the_tokens_of_a_transformer_are_averaged() -> None:
    model = build(find_backbone("test_vit"), n_classes=3, weights=NO_WEIGHTS, seed=0, image_size=SIDE_PX)
    grouping = layer_groups(model)
    features = extract_features(model, grouping, batches(), with_stages=True)
    assert {stage.shape for stage in features.stages.values()} == {(5, 64)}
    seen: list[Tensor] = []
    model.get_submodule("blocks.2").register_forward_hook(lambda _m, _i, output: seen.append(output))
    with torch.no_grad():
        for images in batches():
            model.eval()(images)
    expected = torch.cat(seen).mean(dim=1).numpy()
    np.testing.assert_allclose(features.stages["blocks.2"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training_statistics", [False, True])
def test_the_network_is_left_as_it_was_statistics_and_modes_included(training_statistics: bool) -> None:
    model = seasoned()
    model.get_submodule("layer1").eval()
    before = snapshot(model)
    modes = {name: module.training for name, module in model.named_modules()}
    extract_features(model, layer_groups(model), batches(), training_statistics=training_statistics)
    assert not moved(before, snapshot(model))
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert all(module.momentum == 0.1 for module in model.modules() if isinstance(module, nn.BatchNorm2d))


def test_the_hooks_are_gone_afterwards_even_after_a_failure() -> None:
    model = seasoned()

    def broken() -> Iterator[Tensor]:
        yield batches()[0]
        raise ValueError("the loader broke")

    with pytest.raises(ValueError, match="the loader broke"):
        extract_features(model, layer_groups(model), broken(), with_stages=True, training_statistics=True)
    assert model.training
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_batch_statistics_make_a_fresh_network_see_contrast() -> None:
    """Its running statistics mean nothing; those of the batch set each channel to mean 0 and deviation 1."""
    model = network()
    grouping = layer_groups(model)
    images = [3 + 2 * batch(1, 8)[0]]
    seen: list[Tensor] = []
    norm = model.get_submodule("conv1.1")
    norm.register_forward_hook(lambda _module, _inputs, output: seen.append(output.clone()))
    for training_statistics in (True, False):
        extract_features(model, grouping, images, training_statistics=training_statistics)
    normalised, raw = seen
    assert normalised.mean(dim=(0, 2, 3)).abs().max() < 1e-4
    assert (normalised.std(dim=(0, 2, 3)) - 1).abs().max() < 1e-2
    assert raw.mean(dim=(0, 2, 3)).abs().max() > 0.05


def test_progress_counts_the_images_of_each_batch() -> None:
    model = network()
    counts: list[int] = []
    extract_features(model, layer_groups(model), batches(), progress=counts.append)
    assert counts == [3, 2]
