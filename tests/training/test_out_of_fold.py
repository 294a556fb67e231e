"""Out-of-fold predictions come from a classifier that saw neither the image nor what belongs to it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from finetune.training.folds import NEVER, stratified_folds
from finetune.training.out_of_fold import folds_of_units, out_of_fold

N, D, K = 120, 6, 3


def blobs(*, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three overlapping clouds of points, 40 each."""
    generator = np.random.default_rng(seed)
    targets = np.arange(N) % K
    centres = generator.normal(size=(K, D))
    return (centres[targets] + generator.normal(size=(N, D))).astype(np.float32), targets


def test_each_row_is_judged_as_by_scikit_learn_without_its_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    features, targets = blobs()
    folds = stratified_folds(targets, n_folds=4, seed=1)
    monkeypatch.setattr("finetune.training.head.INVERSE_STRENGTHS", (0.1,))
    found = out_of_fold(features, targets, folds, n_classes=K, seed=0)
    rows = StandardScaler().fit_transform(features)
    for fold in range(4):
        model = LogisticRegression(C=0.1, tol=1e-8, max_iter=1000)
        model.fit(rows[folds != fold], targets[folds != fold])
        assert found[folds == fold] == pytest.approx(model.predict_proba(rows[folds == fold]), abs=2e-4)


def test_folds_solved_one_by_one_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    features, targets = blobs()
    folds = stratified_folds(targets, n_folds=5, seed=1)
    together = out_of_fold(features, targets, folds, n_classes=K, seed=0)
    monkeypatch.setattr("finetune.training.out_of_fold.MOST_LOGITS", 1)
    assert out_of_fold(features, targets, folds, n_classes=K, seed=0) == pytest.approx(together, abs=1e-3)


def test_rows_of_no_fold_are_not_judged_and_absent_classes_get_nothing() -> None:
    features, targets = blobs()
    folds = stratified_folds(targets, n_folds=5, seed=1)
    folds[:10] = NEVER
    found = out_of_fold(features, targets, folds, n_classes=K + 1, seed=0)
    assert np.isnan(found[:10]).all()
    assert (found[10:, K] == 0).all()
    assert found[10:].sum(axis=1) == pytest.approx(1)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=4, max_size=60), st.integers(2, 5))
def test_units_stay_in_one_fold_and_every_judged_class_is_learnt_elsewhere(
    rows: list[tuple[int, int]], n_folds: int
) -> None:
    targets = np.array([label for label, _ in rows])
    units = [unit for _, unit in rows]
    folds = folds_of_units(targets, units, n_folds=n_folds, seed=0)
    judged = folds != NEVER
    for unit in set(units):
        assert len(set(folds[(np.array(units) == unit) & judged])) <= 1
    for fold in set(folds[judged]):
        assert set(targets[folds == fold]) <= set(targets[folds != fold])


def test_units_of_one_row_give_the_plain_stratified_folds() -> None:
    _, targets = blobs()
    assert (
        folds_of_units(targets, range(N), n_folds=5, seed=3) == stratified_folds(targets, n_folds=5, seed=3)
    ).all()
