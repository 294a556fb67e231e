"""The freeze line lies above the stage whose probe is best, and is always one that `partial` can draw."""

import dataclasses
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import network

from finetune.advice.freeze_line import FreezeLine, freeze_line, standard_error
from finetune.model.layers import Grouping, layer_groups
from strategies import make_strategy
from strategies.base import LayerGroup, Role

NOTHING: MappingProxyType[str, str] = MappingProxyType({})


def grouping_of(roles: list[Role], sizes: list[int] | None = None) -> Grouping:
    sizes = sizes or [10] * len(roles)
    named = [f"{role}{place}" for place, role in enumerate(roles)]
    groups = tuple(LayerGroup(*row) for row in zip(named, roles, sizes, strict=True))
    return Grouping(groups, NOTHING, NOTHING)


def profile_of(grouping: Grouping, scores: list[float]) -> list[tuple[str, float]]:
    return [(group.name, score) for group, score in zip(grouping.groups[:-1], scores, strict=True)]


FOUR = grouping_of(["stem", "stage", "stage", "stage", "stage", "head"], [2, 4, 8, 16, 64, 6])
VGG = grouping_of(["stage", "stage", "stage", "dense", "head"], [5, 10, 15, 60, 10])


@st.composite
def cases(draw: st.DrawFn) -> tuple[Grouping, list[float], int]:
    roles: list[Role] = [
        *(["stem"] if draw(st.booleans()) else []),
        *(["stage"] * draw(st.integers(1, 8))),
        *(["dense"] if draw(st.booleans()) else []),
        "head",
    ]
    grouping = grouping_of(
        roles, draw(st.lists(st.integers(1, 10**7), min_size=len(roles), max_size=len(roles)))
    )
    scores = draw(st.lists(st.floats(0, 1), min_size=len(roles) - 1, max_size=len(roles) - 1))
    return grouping, scores, draw(st.integers(4, 512))


def suggest(grouping: Grouping, scores: list[float], n_images: int = 400) -> FreezeLine:
    return freeze_line(profile_of(grouping, scores), grouping, n_images=n_images)


@pytest.mark.parametrize(
    ("scores", "stages", "frozen"),
    [
        ([0.3, 0.5, 0.7, 0.8, 0.9], 1, "stage3"),  # the peak at the end: no more than the last stage
        ([0.3, 0.5, 0.7, 0.98, 0.93], 1, "stage3"),
        ([0.3, 0.5, 0.98, 0.9, 0.8], 2, "stage2"),
        ([0.3, 0.98, 0.9, 0.8, 0.7], 3, "stage1"),
        ([0.9, 0.8, 0.7, 0.6, 0.5], 4, "stem0"),
        ([0.3, 0.98, 0.979, 0.8, 0.7], 2, "stage2"),  # not told apart from the peak, so kept too
        ([0.5, 0.5, 0.5, 0.5, 0.5], 1, "stage3"),
    ],
)
def test_what_lies_above_the_peak_is_trained(scores: list[float], stages: int, frozen: str) -> None:
    line = suggest(FOUR, scores)
    assert line.stages == stages
    assert line.frozen[-1] == frozen


@pytest.mark.parametrize(
    ("scores", "stages"),
    [
        ([0.5, 0.6, 0.7, 0.9], 1),
        ([0.5, 0.6, 0.9, 0.7], 1),
        ([0.5, 0.9, 0.7, 0.6], 1),
        ([0.9, 0.7, 0.6, 0.5], 2),
    ],
)
def test_dense_layers_are_no_stage_and_train_with_what_lies_below(scores: list[float], stages: int) -> None:
    line = suggest(VGG, scores)
    assert line.stages == stages
    assert line.trained[-2:] == ("dense3", "head4")


@given(cases())
def test_partial_takes_the_line_and_freezes_exactly_what_it_says(
    case: tuple[Grouping, list[float], int],
) -> None:
    grouping, scores, n_images = case
    line = suggest(grouping, scores, n_images)
    plan = make_strategy("partial", {"stages": line.stages}).plan(grouping.groups)
    assert tuple(group.name for group in plan.groups if group.is_frozen) == line.frozen
    assert tuple(group.name for group in plan.groups if not group.is_frozen) == line.trained
    sizes = {group.name: group.n_parameters for group in grouping.groups}
    assert line.trained_share == pytest.approx(
        sum(map(sizes.__getitem__, line.trained)) / sum(sizes.values())
    )


@given(cases())
def test_all_that_is_trained_but_the_least_is_told_apart_from_the_best(
    case: tuple[Grouping, list[float], int],
) -> None:
    grouping, scores, n_images = case
    line = suggest(grouping, scores, n_images)
    of = dict(profile_of(grouping, scores))
    assert line.best[1] == max(scores)
    if line.stages > 1:
        assert all(
            of[name] < line.best[1] - standard_error(line.best[1], n_images) for name in line.trained[:-1]
        )


@given(cases(), st.floats(0, 1))
def test_better_features_at_the_end_never_train_more(
    case: tuple[Grouping, list[float], int], better: float
) -> None:
    grouping, scores, n_images = case
    raised = [*scores[:-1], max(scores[-1], better)]
    if raised[-1] < max(scores):  # else the peak itself moves there
        assert suggest(grouping, raised, n_images).stages <= suggest(grouping, scores, n_images).stages
    else:
        assert suggest(grouping, raised, n_images).stages == 1


@given(cases(), st.integers(1, 10_000))
def test_what_more_images_tell_apart_is_trained_too(
    case: tuple[Grouping, list[float], int], more: int
) -> None:
    grouping, scores, n_images = case
    assert suggest(grouping, scores, n_images).stages <= suggest(grouping, scores, n_images + more).stages


def test_the_standard_error_is_worked_out_by_hand_and_never_0() -> None:
    assert standard_error(0.5, 98) == pytest.approx((0.5 * 0.5 / 98) ** 0.5)
    assert standard_error(1.0, 8) == pytest.approx((0.9 * 0.1 / 8) ** 0.5)


def test_the_groups_of_a_real_network_are_taken_as_they_are() -> None:
    grouping = layer_groups(network("test_resnet"))
    names = [group.name for group in grouping.groups[:-1]]
    line = freeze_line([(name, 0.9 - 0.2 * (name == names[-1])) for name in names], grouping, n_images=200)
    assert line.trained == (names[-1], grouping.head.name)
    with pytest.raises(ValueError, match="does not fit the groups"):
        freeze_line([(name, 0.9) for name in names[1:]], grouping, n_images=200)


def test_a_network_of_no_stages_has_no_line() -> None:
    with pytest.raises(ValueError, match="does not fit the groups"):
        suggest(grouping_of(["stem", "head"]), [0.5])


def test_the_sentences_say_where_the_line_lies_and_why() -> None:
    earlier = suggest(FOUR, [0.3, 0.5, 0.98, 0.9, 0.8])
    assert earlier.sentence() == (
        "the stage probes are best at stage2 (98.0 %) and fall to 80.0 % at stage4: keep the layers up to stage2 "
        "frozen and train the last 2 stages (--set stages=2, 86.0 % of the parameters)"
    )
    assert earlier.sentence("zh") == (
        "各阶段探针在 stage2（98.0%）处最高，到 stage4 降为 80.0%：冻结 stage2 及以下各层，训练最后 2 个阶段"
        "（--set stages=2，占参数的 86.0%）"
    )
    at_the_end = suggest(FOUR, [0.3, 0.5, 0.7, 0.8, 0.9])
    assert at_the_end.sentence() == (
        "no earlier stage's features do better than those of stage4 (90.0 %): train no more than the last stage "
        "(--set stages=1, 70.0 % of the parameters)"
    )
    assert at_the_end.sentence("zh") == (
        "没有更早的阶段优于 stage4（90.0%）：只需训练最后一个阶段（--set stages=1，占参数的 70.0%）"
    )
    also = suggest(FOUR, [0.3, 0.98, 0.979, 0.8, 0.7])
    assert (
        "best at stage2 (97.9 %), as good as stage1 (98.0 %), and fall to 70.0 % at stage4" in also.sentence()
    )
    assert "在 stage2（97.9%）处最高（与 stage1（98.0%）无法区分）" in also.sentence("zh")
    assert dataclasses.asdict(earlier) == earlier.to_json()


@given(cases(), st.sampled_from(["en", "zh"]))
def test_every_line_has_its_sentence(case: tuple[Grouping, list[float], int], language: str) -> None:
    grouping, scores, n_images = case
    line = suggest(grouping, scores, n_images)
    said = line.sentence("zh" if language == "zh" else "en")
    assert f"--set stages={line.stages}" in said
    assert "\n" not in said
