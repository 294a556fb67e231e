"""Folds are summed up by their mean, with an interval that is wider than if they were independent."""

import math

import pytest
from scipy import stats

from finetune.evaluation.cross_validation import CrossValidation, FoldScore, corrected_interval

SCORES = (0.8, 0.9, 0.85, 0.7, 0.95)


def test_the_interval_is_nadeau_and_bengio_s() -> None:
    mean, variance = 0.84, 0.00925  # of the five scores, with n - 1
    # t(0.975, 4) = 2.776 (any table); training sets are four times as large as test sets.
    reach = 2.776445 * math.sqrt((1 / 5 + 1 / 4) * variance)
    low, high = corrected_interval(SCORES)
    assert (low, high) == (pytest.approx(mean - reach, abs=1e-6), 1.0)
    plain = stats.t.interval(0.95, 4, mean, math.sqrt(variance / 5))
    assert low < plain[0]


def test_equal_folds_leave_no_doubt_and_the_interval_stays_within_0_and_1() -> None:
    assert corrected_interval((0.9, 0.9, 0.9)) == (0.9, 0.9)
    assert corrected_interval((0.0, 1.0)) == (0.0, 1.0)


def test_the_sentence_and_the_json_tell_the_same() -> None:
    found = CrossValidation(tuple(FoldScore(20, score, score / 2) for score in SCORES), n_left_out=1)
    told = found.to_json()
    assert (told["n_folds"], told["n_images"], told["n_left_out"]) == (5, 100, 1)
    assert told["accuracy"] == pytest.approx(0.84)
    assert told["macro_f1"] == pytest.approx(0.42)
    assert told["folds"][3] == {"n_images": 20, "accuracy": 0.7, "macro_f1": 0.35}
    assert found.sentence().startswith(
        "5 folds of 100 images: accuracy 84.0 % (95 % interval 66.1 to 100.0), "
    )
    assert found.sentence().endswith("; 1 images have none of their class to learn from")
