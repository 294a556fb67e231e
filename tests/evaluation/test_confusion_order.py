"""Classes that are taken for each other become neighbours."""

import numpy as np
import pytest

from finetune.evaluation.confusion_order import MOST_ORDERED, confusion_order, most_confused


def test_classes_that_are_taken_for_each_other_stand_side_by_side() -> None:
    """Ten pairs, the partner of class k being k + 10."""
    confusion = 50 * np.eye(20, dtype=np.int64)
    for k in range(10):
        confusion[k, k + 10] = confusion[k + 10, k] = 20
    order = confusion_order(confusion)
    assert sorted(order) == list(range(20))
    assert {frozenset(order[place : place + 2]) for place in range(0, 20, 2)} == {
        frozenset({k, k + 10}) for k in range(10)
    }


@pytest.mark.parametrize(
    "confusion",
    [
        [[5]],
        [[1, 4], [4, 1]],
        [[3, 0, 0], [0, 3, 0], [0, 0, 0]],
        np.ones((MOST_ORDERED + 1, MOST_ORDERED + 1), int),
    ],
)
def test_where_there_is_nothing_to_order_the_order_stays(confusion: list[list[int]]) -> None:
    assert confusion_order(np.array(confusion)) == list(range(len(confusion)))


def test_a_hundred_classes_keep_every_class_once() -> None:
    generator = np.random.default_rng(0)
    confusion = generator.poisson(0.3, (100, 100)) + 20 * np.eye(100, dtype=np.int64)
    assert sorted(confusion_order(confusion)) == list(range(100))


def test_the_commonest_mistakes_come_first_and_hits_are_none() -> None:
    pairs = most_confused([[5, 2, 0], [1, 1, 2], [0, 0, 9]], ["a", "b", "c"])
    assert [(pair.truth, pair.called, pair.n, pair.of) for pair in pairs] == [
        ("b", "c", 2, 4),
        ("a", "b", 2, 7),
        ("b", "a", 1, 4),
    ]
    assert most_confused([[5, 0], [0, 1]], ["a", "b"]) == []
    assert len(most_confused(np.ones((9, 9), int).tolist(), list("abcdefghi"), most=4)) == 4
