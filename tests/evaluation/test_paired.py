"""Two classifiers on the same images: counts, exact test, interval and adjustment, against other sources."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.evaluation.paired import Paired, compare, holm, is_significant

counts = st.integers(0, 60)


def hits(text: str) -> np.ndarray:
    return np.array([letter == "+" for letter in text])


def test_the_counts_are_of_images_that_one_alone_is_right_about() -> None:
    assert compare(hits("++++--"), hits("+---+-")) == Paired(6, only_first=3, only_second=1)
    with pytest.raises(ValueError, match="not the same images"):
        compare(hits("++"), hits("+"))


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [
        (6, 16, 0.0524788),  # 2 (1 + 22 + 231 + 1540 + 7315 + 26334 + 74613) / 2^22
        (0, 5, 2 / 2**5),
        (0, 6, 2 / 2**6),
        (1, 9, 2 * (1 + 10) / 2**10),
        (4, 4, 1.0),
        (0, 0, 1.0),
    ],
)
def test_the_p_value_is_the_one_worked_out_by_hand(only_first: int, only_second: int, p_value: float) -> None:
    assert Paired(100, only_first, only_second).p_value == pytest.approx(p_value, rel=1e-6)
    assert Paired(100, only_second, only_first).p_value == pytest.approx(p_value, rel=1e-6)


@given(counts, counts)
def test_the_p_value_is_twice_the_tail_of_fair_coins(only_first: int, only_second: int) -> None:
    n = only_first + only_second
    tail = sum(Fraction(math.comb(n, k), 2**n) for k in range(min(only_first, only_second) + 1))
    expected = min(1.0, float(2 * tail))
    assert Paired(200, only_first, only_second).p_value == pytest.approx(expected, rel=1e-9)


def test_the_interval_is_the_one_worked_out_by_hand() -> None:
    # Agresti's table of two ratings of a prime minister: 150 and 86 of 1600 changed their mind. With half a person
    # more in each cell: -64 / 1602 ± 1.959964 sqrt(237 - 64^2 / 1602) / 1602.
    paired = Paired(1600, only_first=150, only_second=86)
    assert paired.difference == pytest.approx(-0.04)
    assert paired.interval == pytest.approx((-0.058683, -0.021217), abs=2e-6)


@given(st.integers(1, 200), counts, counts)
def test_the_interval_lies_within_its_bounds_and_mirrors(n: int, only_first: int, only_second: int) -> None:
    n = max(n, only_first + only_second)
    low, high = Paired(n, only_first, only_second).interval
    assert -1 <= low < high <= 1
    mirrored = Paired(n, only_second, only_first).interval
    assert mirrored == pytest.approx((-high, -low))


@pytest.mark.parametrize(("shares", "n_images"), [((0.1, 0.05), 100), ((0.02, 0.02), 60), ((0.3, 0.2), 40)])
def test_the_interval_covers_the_true_difference_in_about_19_of_20_sets(
    shares: tuple[float, float], n_images: int
) -> None:
    first, second = shares
    drawn = np.random.default_rng(0).multinomial(n_images, (first, second, 1 - first - second), size=2000)
    intervals = [Paired(n_images, int(b), int(c)).interval for b, c, _ in drawn]
    covered = np.mean([low <= second - first <= high for low, high in intervals])
    assert 0.935 <= covered <= 1


def test_holm_s_adjustment_is_that_of_a_worked_example() -> None:
    # 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1 raised to the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12), st.randoms())
def test_holm_s_adjustment_hangs_on_no_order_and_lowers_none(p_values: list[float], random) -> None:  # type: ignore[no-untyped-def]
    adjusted = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    order = list(range(len(p_values)))
    random.shuffle(order)
    assert holm([p_values[place] for place in order]) == [adjusted[place] for place in order]


def test_significant_is_what_leaves_chance_less_than_one_in_twenty() -> None:
    assert is_significant(0.0499)
    assert not is_significant(0.0501)
