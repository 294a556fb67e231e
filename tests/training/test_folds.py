"""Folds are scikit-learn's where it has any, and hold out every row once that something can be learnt about."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from finetune.training.folds import NEVER, stratified_folds, stratified_part


@pytest.mark.parametrize("counts", [(5, 5), (30, 7, 12), (6, 50, 5, 5), (100,) * 10])
@pytest.mark.parametrize("seed", [0, 3])
def test_the_folds_are_those_of_scikit_learn(counts: tuple[int, ...], seed: int) -> None:
    targets = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    folds = stratified_folds(targets, n_folds=5, seed=seed)
    theirs = StratifiedKFold(5, shuffle=True, random_state=seed).split(targets, targets)
    for fold, (_, held_out) in enumerate(theirs):
        np.testing.assert_array_equal(np.flatnonzero(folds == fold), held_out)


def test_a_class_of_few_is_never_held_out_whole_and_one_of_a_single_row_not_at_all() -> None:
    targets = np.array([0] * 20 + [1] * 2 + [2] * 3 + [3])
    folds = stratified_folds(targets, n_folds=5, seed=0)
    assert len(set(folds[targets == 1])) == 2
    assert len(set(folds[targets == 2])) == 3
    assert folds[targets == 3].tolist() == [NEVER]
    assert (folds[targets != 3] != NEVER).all()


def test_a_part_keeps_the_shares_of_the_classes_and_two_of_each() -> None:
    targets = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 3], [8_000, 1_990, 9, 1]))
    part = stratified_part(targets, 1_000, seed=0)
    assert np.bincount(targets[part]).tolist() == [800, 199, 2, 1]
    assert (np.diff(part) > 0).all()
    assert stratified_part(targets, 10_000, seed=0).tolist() == list(range(10_000))
    np.testing.assert_array_equal(part, stratified_part(targets, 1_000, seed=0))
