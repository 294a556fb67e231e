"""Which policy is advised: the best, unless a milder one does as well as far as the images can tell."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.advice.augmentation_probe import (
    PLAIN,
    TRIED,
    AugmentationProbe,
    compare_policies,
    paired_difference,
)
from finetune.data.augmentation.policies import PolicyName

POLICIES: tuple[PolicyName, ...] = (PLAIN, *TRIED)


def compared(*n_right: int, n_images: int = 200, keeps_upright: bool = False) -> AugmentationProbe:
    """Each policy tells the first so many images right, so that two differ on as few images as they can."""
    right = {policy: np.arange(n_images) < count for policy, count in zip(POLICIES, n_right, strict=True)}
    return compare_policies(right, n_views=2, keeps_upright=keeps_upright)


@pytest.mark.parametrize(
    ("n_right", "best", "advised"),
    [
        ((150, 160, 170, 180), "strong", "strong"),
        ((150, 170, 171, 172), "strong", "light"),  # one or two images of 200 tell nothing apart
        ((150, 170, 180, 181), "strong", "medium"),
        ((150, 170, 160, 140), "light", "light"),
        ((150, 151, 152, 153), "strong", "none"),
        ((150, 150, 150, 150), "none", "none"),
        ((150, 140, 130, 120), "none", "none"),
    ],
)
def test_the_mildest_that_is_not_told_apart_from_the_best_is_advised(
    n_right: tuple[int, ...], best: str, advised: str
) -> None:
    probe = compared(*n_right)
    assert (probe.best, probe.advised) == (best, advised)


def test_the_paired_error_is_worked_out_by_hand_and_knows_only_where_they_differ() -> None:
    # Of 100 images 8 are told by one alone and 3 by the other alone.
    one, other = np.ones(100, bool), np.ones(100, bool)
    one[:3], other[3:11] = False, False
    difference, error = paired_difference(one, other)
    assert difference == pytest.approx(0.05)
    assert error == pytest.approx(math.sqrt((11 / 100 - 0.05**2) * 100 / 99 / 100))
    assert paired_difference(one, one) == (0, 0)


@given(st.lists(st.lists(st.booleans(), min_size=20, max_size=20), min_size=4, max_size=4))
def test_nothing_stronger_than_the_best_is_advised_and_none_is_no_better_than_itself(
    rows: list[list[bool]],
) -> None:
    right = {policy: np.array(row) for policy, row in zip(POLICIES, rows, strict=True)}
    probe = compare_policies(right, n_views=2)
    assert POLICIES.index(probe.advised) <= POLICIES.index(probe.best)
    assert probe.of(probe.best).accuracy == max(score.accuracy for score in probe.scores)
    assert (probe.scores[0].difference, probe.scores[0].standard_error) == (0, 0)
    for score in probe.scores:
        assert score.difference == pytest.approx(score.accuracy - probe.scores[0].accuracy)
        assert f"{100 * probe.scores[0].accuracy:.1f}" in probe.sentence("en")
        assert f"{100 * probe.scores[0].accuracy:.1f}" in probe.sentence("zh")


def test_a_policy_that_was_not_tried_has_no_score() -> None:
    with pytest.raises(KeyError, match="crop"):
        compared(150, 160, 170, 180).of("crop")


@pytest.mark.parametrize("policies", [("light", "none"), ("none",), ()])
def test_without_none_to_compare_with_there_is_no_comparison(policies: tuple[PolicyName, ...]) -> None:
    with pytest.raises(ValueError, match="compared with 'none', which comes first"):
        compare_policies({policy: np.ones(4, bool) for policy in policies}, n_views=2)


def test_the_sentences_carry_the_numbers() -> None:
    probed = "a probe on frozen features of 2 views each of 200 images"
    assert compared(150, 150, 162, 165).sentence() == (
        "--augment medium: +6.0 points (standard error 1.7) on the 75.0 % without; the stronger 'strong', "
        f"+7.5 points (standard error 1.9), cannot be told apart from it; {probed}"
    )
    assert compared(150, 150, 162, 165).sentence("zh") == (
        "--augment medium：在不增强时的 75.0% 上 +6.0 个百分点（标准误 1.7）；更强的 'strong' 为 +7.5 个百分点"
        "（标准误 1.9），与它无法区分；在 200 张图像各 2 个视图的冻结特征上用探针测得"
    )
    assert compared(150, 140, 130, 120, keeps_upright=True).sentence() == (
        "no augmentation does better than the 75.0 % without: at best 'light', -5.0 points (standard error 1.5); "
        f"{probed}, with no flips or rotations"
    )
    assert "没有一种数据增强优于不增强时的 75.0%：最好的是 'light'，-5.0 个百分点" in compared(
        150, 140, 130, 120
    ).sentence("zh")
    assert (
        compared(150, 151, 152, 153)
        .sentence()
        .startswith(
            "no augmentation can be told apart from the 75.0 % without: at best 'strong', +1.5 points"
        )
    )
    assert "没有一种数据增强能与不增强时的 75.0% 区分开" in compared(150, 151, 152, 153).sentence("zh")
    assert compared(150, 140, 130, 120, keeps_upright=True).sentence("zh").endswith("，不含翻转和旋转")


def test_all_numbers_are_ready_for_json() -> None:
    written = json.loads(json.dumps(compared(150, 160, 170, 180).to_json()))
    assert written["advised"] == "strong"
    assert written["scores"][1] == {
        "policy": "light",
        "accuracy": 0.8,
        "difference": 0.05,
        "standard_error": pytest.approx(0.01545, abs=1e-4),
    }
