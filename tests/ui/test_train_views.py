"""The tab Train without a browser: options and what is kept of them, the plan, and the advice's pictures."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outlooks import advice_of, best_is, measures_of, outlook_of

from finetune.page.curves import PLANNED, chart
from finetune.recipe import Recipe
from finetune.recipe.fields import GROUPS, ORDER, SET_ELSEWHERE, entry
from finetune.service.presets import foresee
from finetune.words import speaking
from ui.chinese import in_chinese
from ui.options import kept_values, preset_of, to_keep
from ui.web.backbones import ranking_html
from ui.web.changes import changes
from ui.web.labels import Box, place_label
from ui.web.more_images import more_images_html
from ui.web.plan import plan_html, preset_labels

NAMES = ["preset", "image_size", "max_minutes", "augment", "stages", "epochs", "schedule", "find_lr"]
FIRSTS = ["recommended", "the network's own", "no limit", "the strategy's own", "1", "", "the strategy's own"]
FIRSTS = [*FIRSTS, False]
FINDINGS: dict[str, Any] = {
    "sizes": {"train": 640},
    "image_size": 224,
    "advice": {"forecast": {"partial": {"strategy": "partial", "options": {}, "seconds": 120.0}}},
}


def test_the_fold_has_every_field_of_a_recipe_that_has_no_other_place() -> None:
    shown = {name for fields in GROUPS.values() for name in fields}
    assert shown | set(SET_ELSEWHERE) == set(ORDER) == set(Recipe.model_fields)


def test_what_the_browser_keeps_comes_back() -> None:
    values = ["fast", "96", "no limit", "medium", "2", "7", "linear", True]
    kept = to_keep(NAMES, FIRSTS, values)
    assert set(kept) == set(NAMES) - {"max_minutes"}
    assert kept_values(NAMES, FIRSTS, kept) == values
    assert to_keep(NAMES, FIRSTS, FIRSTS) == {}


ANY = st.one_of(st.none(), st.integers(), st.text(), st.booleans())


@given(st.one_of(ANY, st.dictionaries(st.sampled_from(NAMES), ANY)))
def test_whatever_the_browser_says_it_kept_components_can_hold(kept: Any) -> None:
    found = kept_values(NAMES, FIRSTS, kept)
    assert [type(value) for value in found] == [type(first) for first in FIRSTS]
    assert found[0] in ("recommended", "fast", "thorough")
    assert found[6] in (FIRSTS[6], *entry("schedule").choices)


def test_an_unknown_preset_is_the_first() -> None:
    assert preset_of(["nonsense"]) == "recommended"


def test_the_plan_says_what_was_changed_and_draws_the_rate_within_its_frame() -> None:
    made = Recipe.make(strategy="partial", epochs=10, schedule="step")
    page = str(plan_html(foresee(made, FINDINGS), 640, {"epochs": "10", "schedule": "step"}, 224))
    assert "10 epochs (passes over the 640 training images, at 224 px)" in page
    assert "on the cards" not in page
    assert "About 60 s on this computer" in page
    assert "Changed: Epochs = 10, Schedule = step." in page
    assert 'aria-label="Learning rate over epoch: planned now ' in page
    (points,) = re.findall(r'polyline class="first" points="([^"]+)"', page)
    heights = [float(pair.split(",")[1]) for pair in points.split()]
    assert min(heights) < heights[-1] <= max(heights)
    with speaking("zh"):
        assert "已更改：轮数 = 10，学习率调度 = step。" in str(
            plan_html(foresee(made, FINDINGS), 640, {"epochs": "10", "schedule": "step"}, 224)
        )


def test_a_solved_head_has_no_rate_to_draw() -> None:
    page = str(plan_html(foresee(Recipe.make(strategy="freeze-all"), FINDINGS), 640, {}, 192))
    assert "without epochs" in page
    assert "on the cards hold for 192 px; at 224 px expect others." in page
    assert "<svg" not in page


def test_presets_have_their_times_where_these_are_known() -> None:
    found: dict[Any, Any] = {"recommended": 120.0, "fast": None}
    assert [text for text, _ in preset_labels(found)] == ["Recommended, about 2 min", "Fast", "Thorough"]


def test_what_would_change_the_advice_comes_from_its_own_numbers() -> None:
    advice = advice_of(outlook_of(best_is("freeze-all"))).to_json()
    told = list(changes(advice))
    assert told
    assert (
        f"with a transfer gain below 0.5 instead of {advice['similarity']['value']:.2f}"
        in " ".join(told).lower()
    )
    assert any(
        "From 5,000 training images on, the square's rule would be full-finetune." in one for one in told
    )
    for change in advice["decision"]["changes"]:
        assert any(f"{change['times']} times" in one or "accuracy alone" in one for one in told)
    del advice["decision"]
    assert list(changes(advice)) == []


def test_the_curve_of_more_images_holds_its_numbers_and_lies_in_its_frame() -> None:
    advice = advice_of(outlook_of()).to_json()
    curve = {
        "floor": 0.05,
        "slope": 2.0,
        "sizes": [100, 200, 400],
        "errors": [0.25, 0.19, 0.15],
        "spread": 0.01,
    }
    advice["measures"] = {"curve": curve}
    advice["growth"] = [
        {"n": 800, "accuracy": 0.88, "interval": [0.88, 0.88]},
        {"n": 1600, "accuracy": 0.9, "interval": [0.89, 0.91]},
        {"n": 3200, "accuracy": 0.915, "interval": [0.9, 0.93]},
    ]
    page = str(more_images_html(advice))
    assert "1,600 images: +2.0 points (80 % interval 1.0 to 3.0)" in page
    assert page.count("<circle") == 3
    for points in re.findall(r'points="([^"]+)"', page):
        for pair in points.split():
            x, y = map(float, pair.split(","))
            assert 50 <= x <= 430
            assert 30 <= y <= 200
    assert str(more_images_html(advice | {"growth": []})) == ""


def test_an_advice_tells_the_growth_that_its_curve_promises() -> None:
    made = outlook_of(measures=measures_of())
    rows = made.to_json()["growth"]
    assert (rows == []) == (made.more is None or made.measures.curve is None)


def test_a_label_stands_where_nothing_else_does() -> None:
    within = Box(0, 0, 200, 100)
    first = place_label((50, 50), "fruit", size_px=10, within=within, taken=[])
    assert first is not None
    second = place_label((50, 50), "fruit", size_px=10, within=within, taken=[first])
    assert second is not None
    assert not first.meets(second)
    assert place_label((50, 50), "fruit", size_px=10, within=within, taken=[within]) is None
    assert place_label((50, 50), "fruit " * 20, size_px=10, within=within, taken=[]) is None


RANKED: dict[str, Any] = {
    "n_images": 300,
    "n_train": 336,
    "hopeless": False,
    "first": "one",
    "cheaper": "two",
    "backbones": [
        {"place": 1, "name": "one", "accuracy": 0.9, "accuracy_interval": [0.86, 0.93], "ms_per_image": 20.0,
         "parameters": 4e6, "against_first": None},
        {"place": 2, "name": "two", "accuracy": 0.89, "accuracy_interval": [0.85, 0.92], "ms_per_image": 9.0,
         "parameters": 3e6, "against_first": {"told_apart": False, "difference": 0.01, "interval": [-0.02, 0.04]}},
        {"place": None, "name": "<b>", "reason": "no weights"},
    ],
}  # fmt: skip


def test_ranked_backbones_can_be_taken_but_for_the_one_in_use() -> None:
    page = str(ranking_html(RANKED, "one"))
    assert "90.0 % (86.0 – 93.0)" in page
    assert "cannot be told apart" in page
    assert re.findall(r'data-click="([^"]+)"', page) == ["backbone:two"]
    assert "two is faster and cannot be told apart from it here." in page
    assert "&lt;b&gt; was not measured: no weights" in page
    assert "look at the labels first" in str(ranking_html(RANKED | {"hopeless": True}, "one"))


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (
            "training: 20 epochs of 11 steps, at most 3.2 minutes (measured: 0.31 s a step); early stopping may end "
            "it sooner",
            "训练：20 轮，每轮 11 步，最多 3.2 分钟（实测每步 0.31 秒）；早停可能使它提前结束",
        ),
        ("going on after epoch 3 of 20", "从第 3 轮（共 20 轮）之后继续"),
        ("computing features: 336 of 336, 12.1 s", "计算特征：336 / 336，12.1 秒"),
        ("features: 1,200 computed, 0 from the cache", "特征：计算 1,200 个，从缓存取 0 个"),
        ("evaluating", "评估"),
    ],
)
def test_what_a_training_says_has_its_chinese(english: str, chinese: str) -> None:
    assert in_chinese(english) == chinese


def test_the_marks_beside_an_axis_fit_before_it() -> None:
    drawn = str(chart("Learning rate", {PLANNED: [(0, 2.5e-6), (1, 5e-4)]}, "epoch", least=0.0))
    assert ">2.5e-6<" in drawn
    assert "e-06" not in drawn
