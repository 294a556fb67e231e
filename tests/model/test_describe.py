"""A network is shown stage by stage under a strategy, without its weights."""

import json

import pytest

from finetune.errors import OptionError, WeightsError
from finetune.model.backbones import Backbone, find_backbone
from finetune.model.describe import describe
from strategies import make_strategy

LITE = find_backbone("tf_efficientnet_lite0")


def test_the_rows_give_output_size_share_rate_and_state() -> None:
    rows = describe(find_backbone("resnet18"), make_strategy("partial"), n_classes=10)
    assert [(row.name, row.output, row.n_parameters, row.lr_multiplier) for row in rows] == [
        ("stem", "64 x 56 x 56", 9_536, 0),
        ("layer1", "64 x 56 x 56", 147_968, 0),
        ("layer2", "128 x 28 x 28", 525_568, 0),
        ("layer3", "256 x 14 x 14", 2_099_712, 0),
        ("layer4", "512 x 7 x 7", 8_393_728, 1),
        ("fc", "10", 5_130, 1),
    ]
    assert sum(row.share for row in rows) == pytest.approx(1)
    assert [row.has_batch_norm for row in rows] == [True] * 5 + [False]
    assert all(row.statistics_held for row in rows)


def test_a_vgg_shows_its_dense_layers_apart() -> None:
    rows = describe(find_backbone("vgg11"), make_strategy("freeze-all"), n_classes=2)
    assert [row.output for row in rows] == [
        "64 x 112 x 112",
        "128 x 56 x 56",
        "256 x 28 x 28",
        "512 x 14 x 14",
        "512 x 7 x 7",
        "4096 x 1 x 1",
        "2",
    ]
    assert not any(row.has_batch_norm for row in rows)


def test_another_image_size_changes_the_outputs_only() -> None:
    at_224, at_96 = (
        describe(LITE, make_strategy("from-scratch"), n_classes=3, image_size=size) for size in (None, 96)
    )
    assert at_224[0].output == "32 x 112 x 112"
    assert at_96[0].output == "32 x 48 x 48"
    assert [row.n_parameters for row in at_224] == [row.n_parameters for row in at_96]
    assert not any(row.statistics_held for row in at_96)


def test_a_row_is_ready_for_json() -> None:
    row = describe(LITE, make_strategy("freeze-all"), n_classes=3)[-1]
    assert json.loads(json.dumps(row.to_json())) == {
        "name": "classifier",
        "output": "3",
        "n_parameters": 1280 * 3 + 3,
        "share": pytest.approx(3843 / 3_374_851),
        "lr_multiplier": 1.0,
        "statistics_held": True,
        "has_batch_norm": False,
    }


def test_more_stages_than_a_backbone_has_are_refused_with_its_number() -> None:
    with pytest.raises(OptionError, match="stages is 8, but this backbone has 7; choose 1 to 7"):
        describe(LITE, make_strategy("partial", {"stages": 8}), n_classes=3)


def test_a_network_that_timm_cannot_build_is_refused() -> None:
    unknown = Backbone("resnet18x", "none", 224, 0, "unknown")
    with pytest.raises(WeightsError, match=r"timm cannot build 'resnet18x' \(.+\); choose one of"):
        describe(unknown, make_strategy("freeze-all"), n_classes=3)
