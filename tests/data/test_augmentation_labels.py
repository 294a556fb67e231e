"""Class names that forbid to mirror or turn an image, and those that do not."""

import pytest
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.augmentation.labels import caution
from finetune.data.augmentation.spelling import TENS, UNITS, number_of, words

FORBIDDING = [
    ("digits", ["0", "1", "2", "3"]),
    ("digits", ["digit-6", "digit_9", "other"]),
    ("digits", ["数字 6", "数字 9"]),
    ("digits", ["６", "９"]),
    ("digits", ["10", "11", "99"]),
    ("digits", ["digit_3", "digit_4 (four)", "five"]),
    ("digits", ["3 (三)", "4 (四)"]),
    ("digits", ["٣", "٤"]),
    ("numbers", ["six", "nine"]),
    ("numbers", ["6", "nine"]),
    ("numbers", ["number thirty", "forty-two"]),
    ("numbers", ["Six", "NINE", "none"]),
    ("numbers", ["六", "九"]),
    ("numbers", ["十一", "十二"]),
    ("letters", ["a", "b", "c"]),
    ("letters", ["letter b", "Letter_D"]),
    ("letters", ["letter A", "letter B"]),
    ("letters", ["a - lower", "A - upper"]),
    ("letters", ["Aa", "B b", "C/c"]),
    ("letters", ["uppercase q", "lowercase p"]),
    ("letters", ["Ω", "Ж"]),
    ("letters", ["あ", "い"]),
    ("letters", ["א", "ב"]),
    ("sides", ["left hand", "right hand"]),
    ("sides", ["LeftHand", "other", "turn_left"]),
    ("sides", ["left", "right"]),
    ("sides", ["TurnLeft", "other"]),
    ("sides", ["左手", "右手"]),
    ("sides", ["thumbs-up", "thumbs-down"]),
    ("signs", ["stop sign", "lamp"]),
    ("signs", ["yield", "roundabout"]),
    ("signs", ["arrow", "circle"]),
    ("signs", ["Speed limit (20km/h)", "Speed limit (30km/h)"]),
    ("signs", ["SpeedLimit30", "lamp"]),
    ("signs", ["no entry", "give way"]),
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
    ["1-2", "3-4", "5 or 6"],
    ["0 - one", "1 - two"],
    ["one piece", "two piece"],
    ["개", "말"],
    ["do", "re", "mi", "fa", "sol"],
    ["speed boat", "limit switch"],
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


SETS = torchvision.datasets
DIGITS = [str(digit) for digit in range(10)]
EMNIST = SETS.EMNIST.classes_split_dict
OF_TORCHVISION = [
    ("MNIST", "digits", SETS.MNIST.classes),
    ("QMNIST", "digits", SETS.QMNIST.classes),
    ("EMNIST letters", "letters", EMNIST["letters"]),
    ("EMNIST balanced", "digits", EMNIST["balanced"]),
    ("KMNIST", "kana", SETS.KMNIST.classes),
    ("SVHN, USPS, SEMEION", "digits", DIGITS),
    ("GTSRB", "digits", [str(number) for number in range(43)]),
    ("FashionMNIST", None, SETS.FashionMNIST.classes),
    ("Flowers102", None, SETS.Flowers102.classes),
]


@pytest.mark.parametrize(
    ("kind", "names"), [row[1:] for row in OF_TORCHVISION], ids=[row[0] for row in OF_TORCHVISION]
)
def test_the_class_names_that_torchvision_gives(kind: str | None, names: list[str]) -> None:
    found = caution(names)
    assert (found and found.kind) == kind
    if kind in ("digits", "kana"):
        assert found is not None
        assert len(found.names) >= 10


@pytest.mark.parametrize("names", INNOCENT, ids=lambda value: str(value))
def test_names_that_forbid_nothing(names: list[str]) -> None:
    assert caution(names) is None


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["5", "6", "9"], "turned, '6' looks like '9'"),
        (["six", "nine"], "turned, 'six' looks like 'nine'"),
        (["六", "九"], "turned, '六' looks like '九'"),
        (["6 - six", "9 - nine"], "turned, '6 - six' looks like '9 - nine'"),
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


@given(st.integers(0, 99), st.sampled_from(["{} - {}", "{}_{}", "{} ({})", "digit {}: {}"]))
def test_a_digit_beside_its_own_word_is_that_number_and_beside_another_none(number: int, form: str) -> None:
    assert number_of(form.format(number, in_words(number))) == number
    assert number_of(form.format(number, in_words((number + 1) % 100))) is None


def in_words(number: int) -> str:
    if number < 20:
        return UNITS[number]
    ten, unit = divmod(number, 10)
    return TENS[ten - 2] + (f" {UNITS[unit]}" if unit else "")


@pytest.mark.parametrize(
    ("name", "number"), [("十", 10), ("十二", 12), ("四十二", 42), ("贰", 2), ("二〇", 20)]
)
def test_chinese_numerals_have_their_value(name: str, number: int) -> None:
    assert number_of(name) == number


def test_ids_do_not_hide_the_digits_that_are_spelled() -> None:
    assert caution(["6", "9", "102"]) is None
    found = caution(["6 - six", "9 - nine", "102"])
    assert found is not None
    assert found.names == ("6 - six", "9 - nine")
    assert caution(["digit 6", "102"]) is not None


def test_words_are_cut_at_separators_and_digits() -> None:
    assert words("Digit-3_left hand12") == ["digit", "3", "left", "hand", "12"]
    assert words("TurnLeft") == ["turn", "left"]
