"""The advice as a paragraph says the same in English and in Chinese, with every number."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outlooks import (
    MEASURES,
    NAMES,
    SIZES,
    advice_of,
    best_is,
    measures_of,
    outlook_of,
    table_of,
)

from finetune.advice.advise import Advice
from finetune.advice.augmentation_probe import compare_policies
from finetune.advice.evidence import Sizes
from finetune.advice.forecast import Remaining
from finetune.advice.freeze_line import FreezeLine
from finetune.advice.language import hundredths
from finetune.advice.more_data import more_images
from finetune.advice.outlook import Change, Outlook
from finetune.advice.race import Rung

ENGLISH_WORDS = re.compile(r"(?:[A-Za-z]{2,}[ ,;]+){3,}")


def numbers(text: str) -> set[str]:
    """The numbers of a text as it writes them, thousands in commas."""
    return {found.replace(",", "") for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def commands(text: str) -> list[str]:
    return re.findall(r"`(finetune [^`]*)`", text)


def raced() -> Outlook:
    rows = (Remaining(0.0, 0.5, 0.2), Remaining(1.0, 0.0, 0.1))
    rungs = (Rung("partial", 2, 20, (0.7, 0.71, 0.73), 130), Rung("full-finetune", 1, 20, (0.7, 0.64), 130))
    table = table_of(noise=0.2, remaining={"partial": rows, "full-finetune": rows, "freeze-all": rows})
    return outlook_of(table, rungs=rungs)


def with_ways_out() -> Outlook:
    """A small and different set: everything that the advice can add is there."""
    different = measures_of(gain=0.3)
    right = {"none": [True] * 3 + [False] * 3, "light": [True] * 5 + [False], "medium": [True] * 6}
    probe = compare_policies(
        {name: np.array(values * 40) for name, values in right.items()},  # type: ignore[misc]
        n_views=2,
        keeps_upright=False,
    )
    line = FreezeLine(
        stages=2,
        frozen=("stem", "layer1"),
        trained=("layer2", "layer3", "head"),
        trained_share=0.912,
        best=("layer1", 0.61),
        kept=("layer1", 0.61),
        last=("layer3", 0.42),
    )
    assert MEASURES.curve is not None
    more = more_images(MEASURES.curve, n_now=800, n_measured=400)
    return replace(outlook_of(measures=different), more=more, line=line, augmentation=probe)


OUTLOOKS: dict[str, Callable[[], Outlook]] = {
    "as the rule": lambda: outlook_of(best_is("freeze-all")),
    "head on every stage": lambda: outlook_of(best_is("multi-stage")),
    "overruled": lambda: outlook_of(best_is("full-finetune")),
    "from scratch": lambda: outlook_of(best_is("from-scratch")),
    "unsure": lambda: outlook_of(table_of(noise=0.5)),
    "time is dear": lambda: outlook_of(time_weight=2.5),
    "own trainings": lambda: outlook_of(n_own=17),
    "useless": lambda: outlook_of(best_is("freeze-all"), measures_of(gain=0.01, pretrained=0.4)),
    "budget": lambda: outlook_of(best_is("full-finetune"), budget_s=100),
    "nothing fits": lambda: outlook_of(best_is("full-finetune"), budget_s=15),
    "nothing learnt": lambda: outlook_of(
        measures=measures_of(gain=0.0, pretrained=0.26, last_layer=0.25, neighbours=0.24)
    ),
    "raced": raced,
    "ways out": with_ways_out,
    "grows": lambda: outlook_of(
        table_of({"multi-stage": 0.6}, by_reading={"log_images": {"full-finetune": 0.5}})
    ),
    "no curve": lambda: outlook_of(measures=replace(MEASURES, curve=None, shift=None, certainty=None)),
}


@pytest.mark.parametrize("name", OUTLOOKS)
def test_both_languages_have_the_same_numbers_and_commands(name: str) -> None:
    advice = advice_of(OUTLOOKS[name]())
    assert numbers(advice.reason) == numbers(advice.reason_zh)
    assert commands(advice.reason) == commands(advice.reason_zh)


@pytest.mark.parametrize("name", OUTLOOKS)
def test_chinese_has_no_english_sentence_and_english_no_chinese(name: str) -> None:
    advice = advice_of(OUTLOOKS[name]())
    plain = re.sub(r"`[^`]*`|'[^']*'", "", advice.reason_zh)
    assert ENGLISH_WORDS.search(plain) is None, ENGLISH_WORDS.search(plain)
    assert ". " not in plain
    assert re.search(r"[\u4e00-\u9fff，。；：（）]", advice.reason) is None


@pytest.mark.parametrize("name", OUTLOOKS)
def test_both_are_whole_sentences_one_after_the_other(name: str) -> None:
    advice = advice_of(OUTLOOKS[name]())
    for text in (advice.reason, advice.reason_zh):
        assert "  " not in text
        assert ".." not in text
        assert "。。" not in text
        assert "None" not in text
        assert "nan" not in text.lower()
    assert advice.reason.endswith(".")
    assert advice.reason_zh.endswith("。")
    for sentence in re.split(r"(?<=[a-z)`%])\. ", advice.reason):
        assert sentence[0].isupper() or sentence[0].isdigit(), sentence


def test_what_was_measured_is_told_with_its_numbers() -> None:
    advice = advice_of(outlook_of())
    assert advice.reason.startswith(
        "800 training images in 4 classes (about 200 a class, fewest 37 in 'wasps'). On 400 of them a linear probe "
        "gets 80.0 % right with ImageNet features of all stages, 70.0 % with those of the last layer, their nearest "
        "neighbours 65.0 %, and random features 50.0 %: transfer gain 0.60."
    )
    assert advice.reason_zh.startswith("共 800 张训练图像、4 个类别")


@pytest.mark.parametrize(
    ("n_train", "gain", "said"),
    [
        (
            800,
            0.6,
            "under 5,000 images is small and a gain of 0.5 or more is similar to ImageNet: its rule says freeze-all.",
        ),
        (
            800,
            0.3,
            "under 5,000 images is small and a gain below 0.5 is different from ImageNet: its rule says partial.",
        ),
        (
            9_000,
            0.6,
            "at least 5,000 images is large and a gain of 0.5 or more is similar to ImageNet: its rule says full",
        ),
        (
            9_000,
            0.0,
            "a gain below 0.15 means that ImageNet features are of no use: its rule says from-scratch.",
        ),
    ],
)
def test_the_rule_that_fired_is_told(n_train: int, gain: float, said: str) -> None:
    sizes = Sizes(n_train, 4)
    advice = advice_of(outlook_of(measures=measures_of(gain=gain), sizes=sizes), sizes=sizes)
    assert said in advice.reason
    assert f"规则给出 {advice.rule.strategy}。" in advice.reason_zh


def test_what_overruled_the_rule_is_told() -> None:
    advice = advice_of(outlook_of(best_is("full-finetune")))
    assert advice.rule.strategy == "freeze-all"
    assert (
        "So full-finetune: none is expected to be more accurate; with probability 100.0 % it is within"
        in advice.reason
    )
    assert "which overrules the rule's freeze-all." in advice.reason
    assert "而不是规则的 freeze-all" in advice.reason_zh
    agreed = advice_of(outlook_of(best_is("freeze-all")))
    assert "overrules" not in agreed.reason
    assert "推翻" not in agreed.reason_zh


def test_the_head_on_every_stage_is_the_rule_s_strategy_and_named() -> None:
    advice = advice_of(outlook_of(best_is("multi-stage")))
    assert (advice.strategy, advice.options) == ("freeze-all", {"head": "multi-stage"})
    assert "So freeze-all (multi-stage head): " in advice.reason
    assert "overrules" not in advice.reason
    assert advice.runner_up in ("partial", "full-finetune", "from-scratch")


def test_faster_and_nearly_as_good_is_told_by_how_much() -> None:
    outlook = outlook_of(time_weight=2.5)
    advice = advice_of(outlook)
    chosen = outlook.decision.strategy
    more = 100 * (outlook.forecasts["full-finetune"].accuracy - outlook.forecasts[chosen].accuracy)
    times = 320 / outlook.costs[chosen].seconds
    assert (
        f"full-finetune is expected to bring +{more:.1f} points for {times:.0f} times the time"
        in advice.reason
    )


def test_useless_features_are_the_reason_not_to_freeze() -> None:
    advice = advice_of(outlook_of(best_is("freeze-all"), measures_of(gain=0.01, pretrained=0.4)))
    assert advice.strategy != "freeze-all"
    assert "pretrained weights measure as no better than random ones" in advice.reason
    assert "预训练权重并不比随机权重好" in advice.reason_zh
    assert any("check the weights" in warning for warning in advice.warnings)


def test_a_budget_that_forbids_the_best_is_told() -> None:
    advice = advice_of(outlook_of(best_is("full-finetune"), budget_s=100))
    assert "full-finetune is expected to bring" in advice.reason
    assert "takes longer than there is time" in advice.reason
    assert "超过预算" in advice.reason_zh
    alone = advice_of(outlook_of(best_is("full-finetune"), budget_s=15))
    assert "No other strategy can be had; the runner-up would be full-finetune." in alone.reason


def test_the_runner_up_is_told_with_its_distance() -> None:
    outlook = outlook_of(time_weight=0.5)
    advice = advice_of(outlook)
    assert (
        f"The runner-up is {advice.runner_up}, {outlook.lead:.1f} points behind (a doubling of the time counts 0.5 "
        "points)." in advice.reason
    )


def test_what_would_change_the_advice_is_told() -> None:
    outlook = replace(outlook_of(), changes=(Change("full-finetune", 4), Change("partial", None)))
    advice = advice_of(outlook)
    assert "With 4 times the images it would be full-finetune." in advice.reason
    assert "If accuracy alone counted, it would be partial." in advice.reason
    assert "图像有 4 倍时，则应选 full-finetune。" in advice.reason_zh
    assert "若只看准确率，则应选 partial。" in advice.reason_zh


def test_forecasts_that_do_not_suffice_name_the_race() -> None:
    advice = advice_of(outlook_of(table_of(noise=0.5)))
    assert "cannot tell these apart within a point: `finetune advise 'my photos' --race 10`" in advice.reason
    assert "不足以区分" in advice.reason_zh
    assert "--race" not in advice_of(outlook_of(best_is("partial"))).reason


def test_a_race_is_told_with_what_it_saw() -> None:
    advice = advice_of(raced())
    assert (
        "A race saw, on 130 images of val (epochs): partial 73.0 % (2/20), full-finetune 70.0 % (1/20)"
        in advice.reason
    )
    assert "--race" not in advice.reason, "a race has been run"


def test_small_and_different_has_other_ways() -> None:
    reason = advice_of(with_ways_out()).reason
    assert (
        "try another backbone than resnet18 (`finetune backbones --rank 'my photos'` says which suits)"
        in reason
    )
    assert "`finetune fit 'my photos' --strategy partial --augment medium`" in reason
    assert "doubling to 1,600 images: +" in reason
    assert "--set stages=2" in reason


def test_labels_that_nothing_tells_are_told_and_warned_of() -> None:
    advice = advice_of(OUTLOOKS["nothing learnt"]())
    assert "Nothing can be learnt from these labels" in advice.reason
    assert "从这些标签学不到任何东西" in advice.reason_zh
    assert "whose labels told something, and only if these do, too: " in advice.reason
    assert "只有这里的标签也有意义时，才可预计" in advice.reason_zh
    assert advice.warnings[0].startswith("nothing can be learnt from these labels")
    assert advice.to_json()["can_learn"] is False


def test_digits_are_told_not_to_be_turned_in_both_languages() -> None:
    advice = advice_of(outlook_of(), class_names=("6", "9"))
    assert "only if these do" not in advice.reason, "they do"
    assert "Mirrored or turned images could belong to another class here" in advice.reason
    assert "镜像或旋转后的图像" in advice.reason_zh
    assert "Mirrored" not in advice_of(outlook_of(), class_names=("apple", "lime")).reason


lifted = st.fixed_dictionaries({name: st.floats(-2, 2) for name in NAMES})


@settings(max_examples=25)
@given(lifted, st.floats(0, 5), st.floats(-0.5, 1), st.integers(10, 60_000))
def test_whatever_is_advised_both_languages_agree(
    lifts: dict[str, float], weight: float, gain: float, n_train: int
) -> None:
    sizes = Sizes(n_train, 4)
    outlook = outlook_of(table_of(lifts), measures_of(gain=gain), sizes=sizes, time_weight=weight)
    advice: Advice = advice_of(outlook, sizes=sizes)
    assert numbers(advice.reason) == numbers(advice.reason_zh)
    for text in (advice.reason, advice.reason_zh):
        assert f"{advice.strategy}" in text
        assert f"{advice.runner_up}" in text
        assert advice.rule.strategy in text


def test_the_json_carries_both_and_the_promised_keys_keep_their_types() -> None:
    values = advice_of(outlook_of(best_is("full-finetune"))).to_json()
    types = {
        "strategy": str,
        "runner_up": str,
        "cell": dict,
        "size": dict,
        "similarity": dict,
        "rule": str,
        "reason": str,
        "warnings": list,
    }
    assert {name: type(values[name]) for name in types} == types
    assert values["rule_strategy"] == "freeze-all"
    assert values["options"] == {}
    assert values["reason_zh"].endswith("。")
    assert SIZES.n_train == values["size"]["n"]


def test_a_gain_of_next_to_nothing_has_no_sign() -> None:
    assert [hundredths(value) for value in (-0.004, 0.0, -0.006, 0.794)] == ["0.00", "0.00", "-0.01", "0.79"]
