"""Class names that probably mean one class are found, and those that are meant are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.health.class_names import similar_names


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("Cat", "cat", "case or separators"),
        ("golden retriever", "golden_Retriever", "case or separators"),
        ("T-shirt", "Tshirt", "case or separators"),
        ("ant", "ants", "singular and plural"),
        ("Daisies", "daisy", "singular and plural"),
        ("box", "boxes", "singular and plural"),
        ("neutrophil", "neutrophyl", "spelled nearly alike"),
        ("retreiver", "retriever", "spelled nearly alike"),
        ("sunflower", "sunfower", "spelled nearly alike"),
    ],
)
def test_twins_are_found(first: str, second: str, why: str) -> None:
    found = similar_names([second, "something else", first])
    assert len(found) == 1
    assert found[0][:2] == (first, second)
    assert why in found[0][2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("cat", "bat"),
        ("horse", "house"),
        ("class1", "class2"),
        ("category 10", "category 11"),
        ("type_a", "type_b"),
        ("hepatitis a", "hepatitis b"),
        ("neutrophil", "eosinophil"),
        ("female", "male"),
        ("+", "-"),
        ("1", "10"),
        ("日本", "日光"),
    ],
)
def test_names_that_are_meant_are_left_alone(first: str, second: str) -> None:
    assert similar_names([first, second]) == ()


@given(st.lists(st.text(min_size=1)))
def test_any_names_are_compared_in_any_order(names: list[str]) -> None:
    assert similar_names(names) == similar_names(names[::-1])


def test_thousands_of_numbered_names_are_no_twins() -> None:
    assert similar_names([f"species{n}" for n in range(5_000)]) == ()
