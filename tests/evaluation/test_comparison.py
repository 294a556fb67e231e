"""Two runs are compared image by image; what was judged on other images is refused."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from finetune.errors import RunError
from finetune.evaluation.comparison import compare_runs
from finetune.evaluation.predictions import Predictions

NAMES = ("one", "two")


def said(right: np.ndarray, *, seed: int = 0) -> Predictions:
    """Three classes; of each image whether it is called rightly, else the next class."""
    n = len(right)
    targets = np.arange(n) % 3
    logits = np.random.default_rng(seed).normal(0, 0.1, (n, 3)).astype(np.float32)
    logits[np.arange(n), np.where(right, targets, (targets + 1) % 3)] += 3
    return Predictions(tuple(f"{i}.png" for i in range(n)), targets, logits, ("a", "b", "c"))


def shuffled(given: Predictions) -> Predictions:
    """The same answers, images and classes in another order."""
    rows, columns = np.arange(len(given.names))[::-1], [2, 0, 1]
    return Predictions(
        tuple(given.names[row] for row in rows),
        np.argsort(columns)[given.targets[rows]],
        given.logits[rows][:, columns],
        tuple(given.class_names[column] for column in columns),
    )


def test_a_run_with_the_same_answers_cannot_be_told_apart() -> None:
    answers = said(np.arange(60) % 4 > 0)
    found = compare_runs(answers, shuffled(answers), NAMES)
    assert not found.can_be_told_apart
    assert (found.better, found.paired.only_first, found.paired.only_second) == (None, 0, 0)
    assert found.sentence().startswith("cannot be told apart: on the same 60 images two gets 75.0 % right")
    assert all(each.interval == pytest.approx((0, 0)) for each in found.differences.values()), (
        "resampled in pairs, the same answers differ nowhere"
    )


def test_a_run_that_is_right_much_more_often_is_better() -> None:
    worse, better = said(np.arange(90) % 2 > 0), said(np.arange(90) % 10 > 0, seed=1)
    found = compare_runs(worse, shuffled(better), NAMES)
    assert found.better == "two"
    assert found.sentence().startswith("two is better: ")
    assert compare_runs(better, worse, NAMES).better == "one"
    macro = found.differences["macro_f1"]
    assert macro.first == pytest.approx(f1_score(worse.targets, worse.called, average="macro"))
    assert macro.second == pytest.approx(f1_score(better.targets, better.called, average="macro"))
    assert 0 < macro.interval[0] < macro.second - macro.first < macro.interval[1]
    values = found.to_json()
    assert values["can_be_told_apart"] is True
    assert values["scores"]["log_loss"]["difference"] < 0


def test_a_small_difference_is_not_called_one() -> None:
    right = np.arange(60) % 4 > 0
    slightly = right.copy()
    slightly[0] = True
    assert compare_runs(said(right), said(slightly), NAMES).better is None


def test_other_images_classes_labels_or_bytes_are_refused() -> None:
    first = said(np.ones(6, bool))
    other = replace(first, names=("x.png", *first.names[1:]))
    with pytest.raises(
        RunError, match=r"judged on other images \(2 are in one test set alone, such as 0.png, x"
    ):
        compare_runs(first, other, NAMES)
    with pytest.raises(RunError, match=r"other classes \(c, d in one of them alone\)"):
        compare_runs(first, replace(first, class_names=("a", "b", "d")), NAMES)
    with pytest.raises(RunError, match=r"0.png and 0 other images have another class in two than in one"):
        compare_runs(first, replace(first, targets=np.array([1, 1, 2, 0, 1, 2])), NAMES)
    known = replace(first, digests=tuple("abcdef"))
    assert compare_runs(known, first, NAMES).better is None
    with pytest.raises(RunError, match=r"1\.png and 1 other images differ between one and two"):
        compare_runs(known, replace(first, digests=tuple("axcdey")), NAMES)
