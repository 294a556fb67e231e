"""Class names that forbid to mirror or turn an image, and those that do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.augmentation.labels import caution, words

FORBIDDING = [
    ("digits", ["0", "1", "2", "3"]),
    ("digits", ["digit-6", "digit_9", "other"]),
    ("digits", ["数字 6", "数字 9"]),
    ("digits", ["６", "９"]),
    ("digits", ["10", "11", "99"]),
    ("numbers", ["six", "nine"]),
    ("numbers", ["Six", "NINE", "none"]),
    ("numbers", ["六", "九"]),
    ("numbers", ["十一", "十二"]),
    ("letters", ["a", "b", "c"]),
    ("letters", ["letter b", "Letter_D"]),
    ("letters", ["Ω", "Ж"]),
    ("sides", ["left hand", "right hand"]),
    ("sides", ["LeftHand", "other", "turn_left"]),
    ("sides", ["左手", "右手"]),
    ("sides", ["thumbs-up", "thumbs-down"]),
    ("signs", ["stop sign", "lamp"]),
    ("signs", ["yield", "roundabout"]),
    ("signs", ["限速60", "注意行人"]),
    ("signs", ["禁止停车", "汽车"]),
    ("writing", ["handwritten page", "photo"]),
    ("writing", ["手写", "印刷"]),
]
INNOCENT = [
    ["ants", "bees"],
    ["apple", "lemon"],
    ["猫", "狗"],
    ["class_1", "class_2"],
    ["n01440764", "n01443537"],
    ["1", "2", "102"],
    ["001", "002"],
    ["cat 1", "cat 2"],
    ["x", "rays of light"],
    ["bright", "copyright", "leftover"],
    ["stopwatch", "design", "signal box"],
    ["sixpence", "ninepin"],
    ["上海", "下雨"],
    ["eosinophil", "lymphocyte"],
]


@pytest.mark.parametrize(("kind", "names"), FORBIDDING, ids=lambda value: str(value))
def test_names_that_forbid_to_turn_an_image(kind: str, names: list[str]) -> None:
    found = caution(names)
    assert found is not None
    assert found.kind == kind
    assert set(found.names) <= set(names)
    assert f"'{found.names[0]}'" in found.why


@pytest.mark.parametrize("names", INNOCENT, ids=lambda value: str(value))
def test_names_that_forbid_nothing(names: list[str]) -> None:
    assert caution(names) is None


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["5", "6", "9"], "turned, '6' looks like '9'"),
        (["six", "nine"], "turned, 'six' looks like 'nine'"),
        (["六", "九"], "turned, '六' looks like '九'"),
        (["b", "d"], "mirrored, 'b' looks like 'd'"),
        (["turn left", "turn right"], "mirrored, 'turn left' looks like 'turn right'"),
        (["左转", "右转"], "mirrored, '左转' looks like '右转'"),
    ],
)
def test_a_pair_that_would_be_confused_is_named(names: list[str], pair: str) -> None:
    found = caution(names)
    assert found is not None
    assert pair in found.why


def test_a_capital_b_is_no_mirrored_d() -> None:
    found = caution(["B", "D"])
    assert found is not None
    assert "looks like" not in found.why


def test_many_names_are_shown_by_the_first() -> None:
    found = caution([str(digit) for digit in range(10)])
    assert found is not None
    assert found.why == "the class names '0', '1', '2', … are digits (turned, '6' looks like '9')"


def test_one_name_is_told_in_the_singular() -> None:
    found = caution(["left hand", "other"])
    assert found is not None
    assert found.why == "the class name 'left hand' tells sides apart"


@given(st.lists(st.text(max_size=8), unique=True, max_size=6))
def test_any_names_at_all_are_answered(names: list[str]) -> None:
    found = caution(names)
    assert found is None or set(found.names) <= set(names)


@given(
    st.lists(st.sampled_from("0123456789"), min_size=2, unique=True), st.sampled_from(["", "digit-", "数字"])
)
def test_digits_are_told_whatever_stands_before_them(digits: list[str], before: str) -> None:
    assert caution([before + digit for digit in digits]) is not None


def test_words_are_cut_at_separators_and_digits() -> None:
    assert words("Digit-3_left hand12") == ["digit", "3", "left", "hand", "12"]
