"""The family's table, its policies, and what single switches make of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.augmentation.family import FAMILY, PER_IMAGE, TURNING, Augmentation
from finetune.data.augmentation.policies import (
    CAREFUL,
    POLICIES,
    PolicyName,
    Strengths,
    strengths_of,
    turned_by,
)
from finetune.errors import OptionError
from finetune.recipe import Recipe
from finetune.recipe.augmentations import Augmentations, switches, varies
from finetune.recipe.fields import entry

NAMES = (
    *("crop", "scale", "hflip", "vflip", "rotation", "translate", "shear", "perspective", "brightness"),
    *("contrast", "saturation", "hue", "noise", "blur", "erasing", "trivial_augment", "rand_augment"),
)


def strength(name: str) -> st.SearchStrategy[float]:
    most = FAMILY[name].most
    return st.floats(0, most) if FAMILY[name].kind == "number" else st.integers(0, int(most)).map(float)


switched = st.sets(st.sampled_from(PER_IMAGE)).flatmap(
    lambda names: st.fixed_dictionaries({name: strength(name) for name in sorted(names)})
)
policies = st.sampled_from(list(POLICIES))


def test_the_family_is_whole() -> None:
    assert PER_IMAGE == NAMES
    assert set(FAMILY) == {*NAMES, "mixup", "cutmix"}
    assert TURNING == ("hflip", "vflip", "rotation")


def test_a_switch_has_no_range() -> None:
    with pytest.raises(ValueError, match="the range of flip ends at 3"):
        Augmentation("flip", "geometry", "Flip", "", "switch", most=3)


def test_the_recipe_has_a_field_for_each_row_with_its_range_and_its_words() -> None:
    assert tuple(Augmentations.model_fields) == PER_IMAGE
    for name in PER_IMAGE:
        row = FAMILY[name]
        assert entry(name).description == row.description
        assert entry(name).kind == {"switch": "yes-no", "number": "number", "whole": "whole"}[row.kind]
        assert getattr(Recipe.make(augment="crop", **{name: row.most}), name) == row.most
        if row.kind != "switch":
            for wrong in (row.most + 1, -1, float("nan")):
                with pytest.raises(OptionError, match=rf"--{name.replace('_', '-')} is .*: input should be"):
                    Recipe.make(augment="crop", **{name: wrong})


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_lies_in_the_ranges(policy: PolicyName) -> None:
    assert strengths_of(policy).to_json() == POLICIES[policy]


@pytest.mark.parametrize(
    ("weaker", "stronger"), [("none", "light"), ("light", "medium"), ("medium", "strong")]
)
def test_a_stronger_policy_does_more_of_everything(weaker: PolicyName, stronger: PolicyName) -> None:
    assert strengths_of(weaker).on != strengths_of(stronger).on
    assert all(strengths_of(weaker)[name] <= strengths_of(stronger)[name] for name in PER_IMAGE)


@given(policies, switched)
def test_what_is_switched_wins_and_the_rest_is_the_policy_s(
    policy: PolicyName, chosen: dict[str, float]
) -> None:
    found = strengths_of(policy, chosen)
    for name in PER_IMAGE:
        assert found[name] == chosen.get(name, POLICIES[policy].get(name, 0))
    assert list(found) == [name for name in PER_IMAGE if found[name]]
    assert found.keeps_upright == (chosen.get("rotation") == 0)


@given(policy=policies, chosen=switched)
def test_a_recipe_comes_to_the_same_strengths_after_yaml(
    policy: PolicyName, chosen: dict[str, float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        recipe = Recipe.make(strategy="partial", augment=policy, **chosen)
    except OptionError as error:
        assert "no effect" in str(error) or "leave one out" in str(error)  # noqa: PT017 - what may be refused
        return
    path = tmp_path_factory.getbasetemp() / "augmented.yaml"
    path.write_text(recipe.to_yaml(), encoding="utf-8")
    again = Recipe.read(path)
    assert again == recipe
    assert dict(switches(again)) == chosen
    assert varies(again) == bool(strengths_of(policy, chosen))


@pytest.mark.parametrize("wrong", [("flip", 1.0), ("mixup", 0.2), ("rotation", 181.0), ("hue", 0.0)])
def test_strengths_that_cannot_be_are_refused(wrong: tuple[str, float]) -> None:
    with pytest.raises(ValueError, match=f"no augmentation '{wrong[0]}' of strength {wrong[1]}"):
        Strengths((wrong,))


def test_a_policy_with_an_unknown_switch_is_refused() -> None:
    with pytest.raises(ValueError, match="no augmentation 'flip'"):
        strengths_of("crop", {"flip": 1})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"augment": "none", "vflip": True},
            "--vflip has no effect with --augment none, which leaves images",
        ),
        ({"augment": "none", "hflip": False}, "--no-hflip has no effect with --augment none"),
        ({"augment": "none", "rotation": 5}, "--rotation 5 has no effect with --augment none"),
        (
            {"augment": "crop", "crop": 0},
            "--augment crop has no effect where all that it does is switched off",
        ),
        (
            {"augment": "crop", "trivial_augment": True, "rand_augment": 9},
            "--trivial-augment and --rand-augment draw from the same operations; leave one out",
        ),
        ({"strategy": "freeze-all", "views": 3, "rotation": 0}, "--views 3 has no effect without --augment"),
        ({"augment": "mediun"}, "did you mean 'medium'?"),
        ({"rotatoin": 3}, "did you mean 'rotation'?"),
    ],
)
def test_what_is_named_but_would_not_be_applied_is_refused(fields: dict[str, object], text: str) -> None:
    with pytest.raises(OptionError, match=r"\w") as refused:
        Recipe.make(**fields)
    assert text in str(refused.value)


def test_a_single_switch_is_enough_for_views_of_frozen_features() -> None:
    assert Recipe.make(strategy="freeze-all", views=3, rotation=10).views == 3


@given(policies, switched)
def test_nothing_is_turned_by_a_policy_that_was_chosen_by_name(
    policy: PolicyName, chosen: dict[str, float]
) -> None:
    turned = turned_by(policy, chosen)
    assert not set(turned) & set(chosen)
    after = strengths_of(policy, {**chosen, **dict.fromkeys(turned, 0.0)})
    drawn = after["trivial_augment"] or after["rand_augment"]
    own = policy == "crop-flip" and "hflip" not in chosen
    assert {name for name in TURNING if after[name]} <= set(chosen) | ({"hflip"} if own else set())
    assert not drawn or after.keeps_upright or chosen.get("rotation")


def test_the_careful_policies_are_those_that_turn_unasked() -> None:
    turning = {policy for policy in POLICIES if any(strengths_of(policy)[name] for name in TURNING)}
    assert turning == {*CAREFUL, "crop-flip"}
