"""The map sits on the object, hangs on the weights, and lies at the original image's coordinates."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from drawing import picture, save
from drawn_objects import NAMES, classifier, draw, share_inside
from networks import narrow, network
from PIL import Image
from scipy.stats import spearmanr

from finetune.bundle.bundle import Bundle
from finetune.data.transforms import Preprocessing
from finetune.errors import ImageError, OptionError
from finetune.explain.explanation import explain_image
from finetune.explain.layer import map_layer
from finetune.explain.methods import METHODS, integrated_gradients, pixel_shares
from finetune.explain.picture import draw_explanation, overlay, side_by_side
from finetune.model.build import with_head
from finetune.model.heads import HeadSpec

AT_64 = Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.875)
LAST_STAGES = {
    "test_resnet": "layer4",
    "test_efficientnet": "bn2",
    "test_convnext": "stages",
    "vgg11": "features",
    "vgg11_bn": "features",
    "resnet18": "layer4",
    "tf_efficientnet_lite0": "bn2",
    "cnn-small": "blocks",
}
HEADS = (
    HeadSpec("linear"),
    HeadSpec("dense", (7,), "tanh", dropout=0.5),
    HeadSpec("cosine"),
    HeadSpec("multi-stage"),
)


def bundle_of(model: torch.nn.Module, backbone: str = "test_resnet", side: int = 64) -> Bundle:
    model.eval().requires_grad_(False)
    preprocessing = Preprocessing(side, AT_64.mean, AT_64.std, "bilinear", 0.875)
    return Bundle(Path("none"), model, ("a", "b", "c"), preprocessing, backbone)


def test_grad_cam_sits_on_the_object_wherever_it_is(tmp_path: Path) -> None:
    shares = []
    for kind, name in enumerate(NAMES):
        for number in (100, 101):
            image, box = draw(kind, number)
            found = explain_image(classifier(), save(image, tmp_path / f"{kind}-{number}.png"))
            assert found.label == name
            shares.append(share_inside(found.heat(), box))
    assert np.mean(shares) >= 0.6, shares
    assert min(shares) >= 0.4, shares


MOST_ALIKE = {"grad-cam": 0.5, "integrated-gradients": 0.7}
"""Rank correlation with the map of random weights. Integrated gradients multiply by the image, whose contrasts they
follow whatever the weights are when only their size is looked at (Adebayo et al., section 5); their signs do not."""


def test_the_map_hangs_on_the_weights(tmp_path: Path) -> None:
    """Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018: random weights must change it."""
    bundle = classifier()
    randomised = replace(bundle, model=with_random_convolutions(bundle.model))
    paths = [save(draw(kind, 102)[0], tmp_path / f"{kind}.png") for kind in range(len(NAMES))]
    for method in METHODS:
        alike = []
        for path, name in zip(paths, NAMES, strict=True):
            kept, again, other = (
                explain_image(asked, path, method=method, class_name=name).grid
                for asked in (bundle, bundle, randomised)
            )
            np.testing.assert_array_equal(kept, again)
            # A map that has become empty is as unlike as can be.
            alike.append(
                float(spearmanr(kept.ravel(), other.ravel()).statistic) if np.ptp(other) > 0 else 0.0
            )
        assert np.mean(alike) < MOST_ALIKE[method], (method, alike)


def test_the_signs_of_integrated_gradients_hang_on_the_weights() -> None:
    bundle = classifier()
    given = bundle.preprocessing(draw(0, 102)[0])[None]
    kept, other = (
        pixel_shares(model, given, 0).numpy().ravel()
        for model in (bundle.model, with_random_convolutions(bundle.model))
    )
    assert abs(float(spearmanr(kept, other).statistic)) < 0.2


def with_random_convolutions(model: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(1)
    changed = copy.deepcopy(model)
    for module in changed.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.reset_parameters()
    return changed


def test_the_shares_of_the_pixels_add_up_to_the_difference_of_the_logits() -> None:
    model = network().eval().requires_grad_(False)
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        difference = (model(image) - model(torch.zeros_like(image)))[0, 2]
    assert float(pixel_shares(model, image, 2).sum()) == pytest.approx(float(difference), rel=0.05, abs=0.02)


@pytest.mark.parametrize("name", LAST_STAGES)
def test_the_last_stage_of_every_family_is_read(name: str) -> None:
    assert map_layer(narrow(name), image_size=64) == LAST_STAGES[name]


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.kind)
def test_any_head_can_be_asked(head: HeadSpec, tmp_path: Path) -> None:
    model = with_head(network(), head, n_classes=3, image_size=64)
    path = save(picture(3, (80, 64)), tmp_path / "a.png")
    for method in METHODS:
        found = explain_image(bundle_of(model), path, method=method, class_name="b")
        assert found.explained == "b"
        assert found.grid.shape == ((2, 2) if method == "grad-cam" else (64, 64))
        assert 0 <= found.grid.min() <= found.grid.max() <= 1


@pytest.mark.parametrize("name", ["fc2", "test_vit"])
def test_a_network_without_places_refuses_grad_cam_and_is_asked_by_pixels(name: str, tmp_path: Path) -> None:
    bundle = bundle_of(network(name), name)
    path = save(picture(3), tmp_path / "a.png")
    with pytest.raises(OptionError, match=f"{name} has no layer with places in the image.*integrated-grad"):
        explain_image(bundle, path, method="grad-cam")
    found = explain_image(bundle, path)
    assert (found.method, found.layer) == ("integrated-gradients", "")
    assert found.grid.any()


def test_unknown_methods_classes_and_files_are_told(tmp_path: Path) -> None:
    bundle, path = bundle_of(network()), save(picture(3), tmp_path / "a.png")
    with pytest.raises(
        OptionError, match=r"unknown method 'gradcam', there are grad-cam, .*did you mean 'grad-cam'"
    ):
        explain_image(bundle, path, method="gradcam")
    with pytest.raises(
        OptionError, match=r"--class A is not one of the bundle's 3 classes; did you mean 'a'?"
    ):
        explain_image(bundle, path, class_name="A")
    (tmp_path / "no.png").write_text("<html>")
    with pytest.raises(ImageError, match="is not an image but a text"):
        explain_image(bundle, tmp_path / "no.png")


def test_explaining_leaves_the_bundle_as_it_was(tmp_path: Path) -> None:
    bundle, path = bundle_of(network()), save(picture(3), tmp_path / "a.png")
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before = bundle.logits(images)
    explain_image(bundle, path)
    assert torch.equal(bundle.logits(images), before)
    assert not any(parameter.requires_grad for parameter in bundle.model.parameters())
    assert not any(module._forward_hooks for module in bundle.model.modules())


@pytest.mark.parametrize("size", [(240, 180), (180, 240), (64, 64), (1, 1), (3000, 10), (37, 500)])
def test_the_field_of_view_is_what_the_network_sees(size: tuple[int, int]) -> None:
    """Seen by a picture whose colours tell the place: red its column, green its row."""
    width, height = size
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.linspace(0, 255, width)[None], np.linspace(0, 255, height)[:, None]
    left, top, right, bottom = AT_64.field_of_view(size)
    assert -1e-9 <= left < right <= width + 1e-9
    assert -1e-9 <= top < bottom <= height + 1e-9
    seen = np.asarray(AT_64.resize_and_crop(Image.fromarray(ramp)), dtype=float)
    for channel, (low, high, side) in enumerate(((left, right, width), (top, bottom, height))):
        middle = seen[..., channel].mean()
        expected = 255 * ((low + high) / 2 - 0.5) / max(1, side - 1)
        assert middle == pytest.approx(expected if side > 1 else 0, abs=2.5)
        if side > 1:
            spread = seen[..., channel].max() - seen[..., channel].min()
            assert spread == pytest.approx(255 * (high - low) / side, abs=max(6, 300 / side))


def test_outside_the_crop_the_map_is_empty_and_a_turned_photograph_is_upright(tmp_path: Path) -> None:
    image, _ = draw(1, 103)
    bundle = classifier()
    plain = explain_image(bundle, save(image, tmp_path / "plain.png"))
    left, _, right, _ = plain.box
    assert left == pytest.approx(41.25, abs=1)
    assert right == pytest.approx(198.75, abs=1)
    heat = plain.heat()
    assert heat.shape == (180, 240)
    assert not heat[:, : round(left)].any()
    assert not heat[:, round(right) :].any()
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, to be turned clockwise
    lying = image.transpose(Image.Transpose.ROTATE_90)
    turned = explain_image(bundle, save(lying, tmp_path / "lying.png", exif=exif))
    assert turned.size == (240, 180)
    np.testing.assert_allclose(turned.heat(), heat, atol=1e-3)


def test_a_huge_or_tiny_image_is_drawn_at_a_size_for_a_screen(tmp_path: Path) -> None:
    for name, size in {"long": (6000, 20), "dot": (1, 1), "wide": (2000, 1500)}.items():
        found = explain_image(bundle_of(network()), save(picture(1, size), tmp_path / f"{name}.png"))
        assert found.heat().shape == (size[1], size[0])
        draw_explanation(found, tmp_path / f"{name}-why.png")
        with Image.open(tmp_path / f"{name}-why.png") as drawn:
            assert max(drawn.size) <= 1300
        content = side_by_side(found, side_px=200)
        assert content.startswith(b"\x89PNG")
        assert len(content) < 200_000


def test_the_overlay_is_bright_where_the_map_is_and_dark_outside(tmp_path: Path) -> None:
    image, _ = draw(0, 104)
    found = explain_image(classifier(), save(image, tmp_path / "a.png"))
    drawn = np.asarray(overlay(image, found), dtype=float)
    left, *_ = found.box_at(image.size)
    assert drawn[:, :left].max() < 80
    x, y = found.peak or (0, 0)
    assert (
        drawn[round(y) - 3 : round(y) + 3, round(x) - 3 : round(x) + 3, 0].mean() > 130
    )  # cividis ends yellow


def test_the_numbers_are_ready_for_json(tmp_path: Path) -> None:
    path = save(draw(2, 105)[0], tmp_path / "tent $1$.png")
    found = explain_image(classifier(), path, method="integrated-gradients", class_name="fence")
    told = json.loads(json.dumps(found.to_json()))
    assert (told["label"], told["explained"], told["layer"]) == ("tent", "fence", None)
    assert told["explained_probability"] < told["probability"] <= 1
    assert np.array(told["grid"]).shape == (14, 14)
    draw_explanation(found, tmp_path / "drawn.png")
    assert integrated_gradients(classifier().model, torch.zeros(1, 3, 224, 224), 0).max() == 0
