"""Batch-norm statistics of layers that train are held or move as chosen; frozen layers hold theirs either way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import batch, make_tuner, moved, network, snapshot, statistics_names
from timm.layers.drop import DropPath

from finetune.errors import OptionError
from finetune.model.backbones import CATALOGUE, find_backbone
from finetune.model.build import build, skips_blocks
from finetune.model.layers import layer_groups
from finetune.model.weights import NO_WEIGHTS
from finetune.recipe import Recipe
from finetune.training.learner import head_of, options_of
from finetune.training.network_check import refuse_unfit
from strategies import STRATEGIES, LayerGroup, make_strategy

GROUPS = tuple(
    LayerGroup(name, role, 10)  # type: ignore[arg-type]
    for name, role in (("stem", "stem"), ("a", "stage"), ("b", "stage"), ("fc", "head"))
)


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("strategy", ["partial", "full-finetune"])
def test_only_the_statistics_of_layers_that_train_move(strategy: str, held: bool) -> None:
    model = network()
    grouping = layer_groups(model)
    plan = make_strategy(strategy).plan(grouping.groups).with_statistics(held=held)
    before = snapshot(model)
    tuner = make_tuner(model, grouping, plan)
    tuner.train()
    tuner(batch(0, 4)[0])
    trained = {group.name for group in plan.groups if not group.is_frozen}
    statistics = statistics_names(model)
    expected = {name for name in statistics if grouping.group_of[name] in trained}
    assert moved(before, snapshot(model)) == (set() if held else expected)


@given(st.sampled_from(list(STRATEGIES)), st.booleans())
def test_the_rates_stay_as_the_strategy_planned_them(strategy: str, held: bool) -> None:
    plan = make_strategy(strategy).plan(GROUPS)
    changed = plan.with_statistics(held=held)
    assert changed.weights == plan.weights
    for group, former in zip(changed.groups, plan.groups, strict=True):
        assert (group.name, group.lr_multiplier) == (former.name, former.lr_multiplier)
        assert group.hold_statistics == (former.hold_statistics if former.is_frozen else held)


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0", "test_convnext", "vgg11", "vgg11_bn"])
def test_a_row_knows_whether_timm_can_skip_its_blocks(name: str) -> None:
    backbone = find_backbone(name)
    assert skips_blocks(backbone) == backbone.has_residual_blocks == (not name.startswith("vgg"))


def test_stochastic_depth_is_timm_s_rising_with_depth_to_the_share_that_was_chosen() -> None:
    backbone = find_backbone("test_resnet")
    options = options_of(Recipe.make(stochastic_depth=0.3), backbone)
    model = build(backbone, n_classes=3, weights=NO_WEIGHTS, seed=0, image_size=64, options=options)
    shares = [module.drop_prob for module in model.modules() if isinstance(module, DropPath)]
    assert shares == sorted(shares)
    assert max(shares) == pytest.approx(0.3)


def test_a_network_without_residual_blocks_names_those_that_have_them() -> None:
    with pytest.raises(
        OptionError, match=r"vgg16 has none that timm can skip; .* one of resnet18, .*test_convnext"
    ):
        refuse_unfit(Recipe.make(stochastic_depth=0.3), CATALOGUE["vgg16"])
    refuse_unfit(Recipe.make(stochastic_depth=0.3, grow_from=32), CATALOGUE["resnet18"])


def test_a_recipe_s_head_has_the_defaults_of_its_kind() -> None:
    assert head_of(Recipe()).dropout == 0
    dense = head_of(Recipe.make(head="dense"))
    assert (dense.hidden, dense.activation, dense.dropout) == ((256,), "relu", 0.5)
    assert head_of(Recipe.make(head="dense", dropout=0.0)).dropout == 0
    assert head_of(Recipe.make(backbone="fc2", activation="tanh", hidden=8)).hidden == ()
