"""The size x similarity square: every cell, both edges of each threshold, and a text with numbers and commands."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.advice.advise import Advice, DatasetProfile, advise, make_profile
from finetune.advice.language import hundredths
from finetune.advice.rules import RULES, find_rule, similarity_of, size_of
from finetune.advice.similarity import TransferGain
from finetune.data.sources import LabelledImage
from strategies import STRATEGIES


def advice_for(n_train: int, gain: float, *, where: str = "photos", backbone: str = "resnet18") -> Advice:
    profile = DatasetProfile(n_train, 4, "wasps", n_train // 8, TransferGain(gain, 0.9, 0.6, 400))
    return advise(profile, where=where, backbone=backbone)


@pytest.mark.parametrize(
    ("n_train", "gain", "strategy", "runner_up"),
    [
        (100, 0.9, "freeze-all", "partial"),
        (100, 0.3, "partial", "full-finetune"),
        (100, -0.1, "partial", "full-finetune"),
        (9_000, 0.9, "full-finetune", "partial"),
        (9_000, 0.3, "full-finetune", "from-scratch"),
        (9_000, 0.1, "from-scratch", "full-finetune"),
    ],
)
def test_every_cell_has_its_strategy_and_runner_up(
    n_train: int, gain: float, strategy: str, runner_up: str
) -> None:
    rule = find_rule(n_train, gain)
    assert (rule.strategy, rule.runner_up) == (strategy, runner_up)


@pytest.mark.parametrize(("n_train", "size"), [(1, "small"), (4_999, "small"), (5_000, "large")])
def test_five_thousand_images_are_large(n_train: int, size: str) -> None:
    assert size_of(n_train) == size


@pytest.mark.parametrize(
    ("gain", "similarity"),
    [
        (1.0, "similar"),
        (0.5, "similar"),
        (0.4999, "different"),
        (0.15, "different"),
        (0.1499, "useless"),
        (-1.0, "useless"),
    ],
)
def test_a_gain_of_a_half_is_similar_and_one_below_0_15_useless(gain: float, similarity: str) -> None:
    assert similarity_of(gain) == similarity


@given(st.integers(1, 10**6), st.floats(-1, 1))
def test_exactly_one_rule_holds_everywhere(n_train: int, gain: float) -> None:
    cell = size_of(n_train), similarity_of(gain)
    assert [rule for rule in RULES if (rule.size, rule.similarity) == cell] == [find_rule(n_train, gain)]


def test_all_four_strategies_can_be_advised_and_come_second() -> None:
    assert {rule.strategy for rule in RULES} == set(STRATEGIES)
    assert {rule.runner_up for rule in RULES} <= set(STRATEGIES)
    assert all(rule.strategy != rule.runner_up and rule.why for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES) == 6


@given(st.integers(1, 20_000), st.floats(-1, 1))
def test_the_reason_has_the_numbers_the_choice_and_the_runner_up(n_train: int, gain: float) -> None:
    advice = advice_for(n_train, gain)
    assert f"{n_train} training images in 4 classes" in advice.reason
    assert f"fewest {n_train // 8} in 'wasps'" in advice.reason
    assert (
        "On 400 of them a linear probe gets 90.0 % right with ImageNet features and 60.0 %" in advice.reason
    )
    assert f"transfer gain {hundredths(gain)}" in advice.reason
    assert "5,000 images" in advice.reason
    assert f"So {advice.strategy}: {advice.rule.why}." in advice.reason
    assert f"The runner-up is {advice.rule.runner_up}." in advice.reason


@pytest.mark.parametrize("gain", [0.4, 0.0])
def test_small_and_different_has_two_other_ways_with_their_commands(gain: float) -> None:
    reason = advice_for(300, gain, where="my photos").reason
    assert "try another backbone than resnet18 (finetune backbones --rank 'my photos' says" in reason
    assert "add or augment data (finetune fit 'my photos' --strategy partial --augment medium" in reason


def test_the_other_backbone_is_another_than_the_one_that_was_measured() -> None:
    assert "another backbone than resnet50" in advice_for(300, 0.4, backbone="resnet50").reason


@pytest.mark.parametrize(("n_train", "gain"), [(300, 0.9), (9_000, 0.9), (9_000, 0.3), (9_000, 0.0)])
def test_the_other_cells_have_no_other_ways(n_train: int, gain: float) -> None:
    assert "other ways" not in advice_for(n_train, gain).reason


def test_the_commands_of_the_other_ways_are_commands_that_exist() -> None:
    from finetune.recipe import Recipe

    reason = advice_for(300, 0.4).reason
    assert "(finetune backbones --rank photos says" in reason  # tests/flow/test_cli_rank.py runs it
    (options,) = re.findall(r"\(finetune fit photos ([^,)]*)", reason)
    pairs = re.findall(r"--([\w-]+) (\S+)", options)
    assert pairs
    Recipe.make(**{name.replace("-", "_"): value for name, value in pairs})


@pytest.mark.parametrize(
    ("n_train", "gain", "warned"),
    [
        (300, 0.9, ()),
        (300, 0.54, ("the transfer gain 0.54 lies near the threshold 0.5: try the runner-up too",)),
        (300, 0.46, ("the transfer gain 0.46 lies near the threshold 0.5: try the runner-up too",)),
        (300, 0.12, ()),
        (9_000, 0.12, ("the transfer gain 0.12 lies near the threshold 0.15: try the runner-up too",)),
        (4_500, 0.9, ("4500 images is near the threshold 5000: try the runner-up too",)),
        (5_999, 0.9, ("5999 images is near the threshold 5000: try the runner-up too",)),
        (6_000, 0.9, ()),
        (4_000, 0.9, ()),
    ],
)
def test_a_choice_near_a_threshold_is_called_close(
    n_train: int, gain: float, warned: tuple[str, ...]
) -> None:
    assert advice_for(n_train, gain).warnings == warned


@pytest.mark.parametrize(("n_images", "uncertain"), [(99, True), (100, False)])
def test_a_gain_measured_on_few_images_is_called_uncertain(n_images: int, uncertain: bool) -> None:
    profile = DatasetProfile(300, 2, "ants", 20, TransferGain(0.9, 0.95, 0.5, n_images))
    warnings = advise(profile, where="photos", backbone="resnet18").warnings
    assert warnings == ((f"similarity was measured on only {n_images} images and is uncertain",) * uncertain)


def test_the_json_has_exactly_the_promised_keys() -> None:
    found: dict[str, Any] = advice_for(301, 0.75).to_json()
    assert set(found) == {
        "strategy",
        "runner_up",
        "cell",
        "size",
        "similarity",
        "rule",
        "reason",
        "warnings",
    }
    assert found["strategy"] == "freeze-all"
    assert found["runner_up"] == "partial"
    assert found["cell"] == {"size": "small", "similarity": "similar"}
    assert found["size"] == {"n": 301, "per_class": 75.2, "smallest": 37}
    assert found["similarity"] == {
        "name": "transfer_gain",
        "value": 0.75,
        "accuracy_pretrained": 0.9,
        "accuracy_random": 0.6,
        "n_images": 400,
    }
    assert found["rule"] == "small-similar"
    assert found["warnings"] == []


@given(st.integers(1, 20_000), st.floats(-1, 1))
def test_the_cell_is_one_of_the_square_s_four(n_train: int, gain: float) -> None:
    cell = advice_for(n_train, gain).to_json()["cell"]
    assert cell["size"] == ("large" if n_train >= 5_000 else "small")
    assert cell["similarity"] == ("similar" if gain >= 0.5 else "different")


def test_a_profile_counts_images_classes_and_the_smallest_class() -> None:
    images = [LabelledImage(Path(f"/{label}"), label, label, None) for label in "aabbbc"]
    gain = TransferGain(0.5, 0.75, 0.5, 6)
    profile = make_profile(images, gain)
    assert profile == DatasetProfile(6, 3, "c", 1, gain)
    assert profile.per_class == 2


def test_digits_are_told_not_to_be_turned_and_fruit_is_not() -> None:
    profile = DatasetProfile(300, 2, "6", 20, TransferGain(0.9, 0.95, 0.5, 200))
    told = advise(profile, where="data", backbone="resnet18", class_names=("6", "9")).reason
    assert (
        "since the class names '6', '9' are digits (turned, '6' looks like '9'): no augmentation policy"
        in told
    )
    assert told.endswith("unless that is chosen by name (--hflip, --vflip, --rotation).")
    fruit = advise(profile, where="data", backbone="resnet18", class_names=("apple", "lime")).reason
    assert "Mirrored" not in fruit
