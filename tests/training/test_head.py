"""The solved head is scikit-learn's logistic regression on standardised features, expressed for the raw ones."""

import warnings

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from torch import nn

from finetune.evaluation.metrics import softmax
from finetune.training import axes
from finetune.training.head import FALLBACK, INVERSE_STRENGTHS, SolvedHead, solve_head

Targets = NDArray[np.int64]
Features = NDArray[np.float32]


def clusters(
    n_each: int, n_classes: int, width: int, *, seed: int = 0, spread: float = 1.0
) -> tuple[Features, Targets]:
    """Overlapping clouds far from the origin, each feature at another scale."""
    generator = np.random.default_rng(seed)
    targets = np.repeat(np.arange(n_classes), n_each)
    centres = spread * generator.normal(size=(n_classes, width))
    scales = generator.uniform(0.1, 30, size=width)
    features = (centres[targets] + generator.normal(size=(len(targets), width)) + 5) * scales
    return features.astype(np.float32), targets


def reference(features: Features, targets: Targets, inverse_strength: float) -> NDArray[np.float64]:
    """Probabilities of scikit-learn's own regression, run to the end on standardised features."""
    standardised = (features - features.mean(axis=0, dtype=np.float64)) / features.std(
        axis=0, dtype=np.float64
    )
    model = LogisticRegression(C=inverse_strength, max_iter=20_000, tol=1e-8).fit(standardised, targets)
    probabilities: NDArray[np.float64] = model.predict_proba(standardised)
    return probabilities


@pytest.mark.parametrize(("n_each", "n_classes", "width"), [(20, 3, 8), (10, 4, 64), (30, 2, 5), (12, 2, 40)])
def test_the_solution_equals_scikit_learn_s_at_the_chosen_strength(
    n_each: int, n_classes: int, width: int
) -> None:
    features, targets = clusters(n_each, n_classes, width)
    solved = solve_head(features, targets, n_classes=n_classes, seed=0)
    expected = reference(features, targets, solved.inverse_strength)
    np.testing.assert_allclose(softmax(solved.logits(features)), expected, atol=2e-3)


def test_fewer_images_than_features_change_the_work_and_not_the_solution() -> None:
    """The rotation onto the rows' span must not be seen."""
    features, targets = clusters(10, 3, 100)
    assert len(features) < features.shape[1]
    solved = solve_head(features, targets, n_classes=3, seed=0)
    assert solved.weight.shape == (3, 100)
    unseen, _ = clusters(5, 3, 100, seed=0)
    mean, std = features.mean(axis=0), features.std(axis=0)
    model = LogisticRegression(C=solved.inverse_strength, max_iter=20_000, tol=1e-8)
    model.fit((features - mean) / std, targets)
    expected = model.predict_proba((unseen - mean) / std)
    np.testing.assert_allclose(softmax(solved.logits(unseen)), expected, atol=2e-3)


def test_the_chosen_strength_is_the_one_with_the_least_cross_validated_loss() -> None:
    features, targets = clusters(30, 3, 8, spread=0.7)
    solved = solve_head(features, targets, n_classes=3, seed=0)
    assert solved.inverse_strength == min(solved.path, key=lambda point: point[1])[0]
    strengths = [strength for strength, _ in solved.path]
    assert strengths == list(INVERSE_STRENGTHS[: len(strengths)])
    assert all(0 < loss < 2 * np.log(3) for _, loss in solved.path)


def test_noise_is_regularised_more_strongly_than_what_is_clear() -> None:
    noise = np.random.default_rng(0).normal(size=(60, 20)).astype(np.float32)
    clear, targets = clusters(20, 3, 20, spread=6)
    of_noise = solve_head(noise, targets, n_classes=3, seed=0)
    of_clear = solve_head(clear, targets, n_classes=3, seed=0)
    assert of_noise.inverse_strength < of_clear.inverse_strength


def test_a_class_without_an_image_is_never_called() -> None:
    features, targets = clusters(15, 3, 6)
    without = targets != 1
    solved = solve_head(features[without], targets[without], n_classes=4, seed=0)
    probabilities = softmax(solved.logits(features))
    assert solved.weight.shape == (4, 6)
    assert probabilities[:, [1, 3]].max() < 1e-6
    accuracy = (probabilities[without].argmax(axis=1) == targets[without]).mean()
    assert accuracy > 0.9


@pytest.mark.parametrize("smallest", [1, 2, 4])
def test_a_class_of_few_images_is_learnt_too(smallest: int) -> None:
    features, targets = clusters(20, 2, 200, spread=8)
    kept = np.r_[0:20, 20 : 20 + smallest]
    solved = solve_head(features[kept], targets[kept], n_classes=2, seed=0)
    assert (softmax(solved.logits(features[kept])).argmax(axis=1) == targets[kept]).all()
    if smallest == 1:
        assert solved.path == ()
        assert solved.inverse_strength == FALLBACK
    else:
        assert solved.path


def test_a_class_of_one_image_does_not_keep_the_others_from_choosing() -> None:
    features, targets = clusters(20, 4, 30)
    kept = np.r_[0:60, 60]
    assert np.bincount(targets[kept]).tolist() == [20, 20, 20, 1]
    solved = solve_head(features[kept], targets[kept], n_classes=4, seed=0)
    without = solve_head(features[:60], targets[:60], n_classes=4, seed=0)
    assert [strength for strength, _ in solved.path] == [strength for strength, _ in without.path]
    assert solved.inverse_strength == without.inverse_strength
    assert softmax(solved.logits(features[kept])).argmax(axis=1)[-1] == 3


@pytest.mark.parametrize("width", [12, 300])
def test_the_strength_is_the_one_that_scikit_learn_s_own_search_finds(width: int) -> None:
    """Correlated features, as a network gives them, overlapping classes, the same folds."""
    clouds, targets = clusters(40, 4, 12, spread=0.6)
    mix = np.random.default_rng(1).normal(size=(12, width)) / np.arange(1, width + 1) ** 0.5
    features = np.maximum(clouds @ mix, 0).astype(np.float32)
    solved = solve_head(features, targets, n_classes=4, seed=0)
    doubled = features.astype(np.float64)
    standardised = (doubled - doubled.mean(axis=0)) / (doubled.std(axis=0) + 1e-6)
    search = LogisticRegressionCV(
        Cs=list(INVERSE_STRENGTHS),
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
        scoring="neg_log_loss",
        max_iter=10_000,
        l1_ratios=(0,),
        use_legacy_attributes=False,
    ).fit(standardised, targets)
    assert pytest.approx(solved.inverse_strength) == search.C_
    model = LogisticRegression(C=solved.inverse_strength, max_iter=20_000, tol=1e-9)
    model.fit(standardised, targets)
    expected = standardised @ model.coef_.T + model.intercept_
    logits = solved.logits(features)
    np.testing.assert_allclose(logits - logits.mean(axis=1, keepdims=True), expected, atol=1e-3)


def test_balancing_is_scikit_learn_s() -> None:
    features, targets = clusters(30, 3, 8, spread=0.7)
    kept = np.r_[0:30, 30:36, 60:70]
    features, targets = features[kept], targets[kept]
    solved = solve_head(features, targets, n_classes=3, seed=0, balanced=True)
    standardised = (features - features.mean(axis=0)) / features.std(axis=0)
    model = LogisticRegression(
        C=solved.inverse_strength, class_weight="balanced", max_iter=20_000, tol=1e-8
    ).fit(standardised, targets)
    np.testing.assert_allclose(softmax(solved.logits(features)), model.predict_proba(standardised), atol=2e-3)
    plain = solve_head(features, targets, n_classes=3, seed=0)
    recall = [
        (head.logits(features).argmax(axis=1) == targets)[targets == 1].mean() for head in (solved, plain)
    ]
    assert recall[0] > recall[1]


def test_the_same_image_seen_twice_counts_once_and_stays_in_one_fold() -> None:
    """Views that are copies change nothing: had they been spread over folds, each would be known by its twin."""
    features, targets = clusters(20, 3, 40, spread=0.3)
    once = solve_head(features, targets, n_classes=3, seed=0)
    thrice = solve_head(np.tile(features, (3, 1)), np.tile(targets, 3), n_classes=3, seed=0, views=3)
    np.testing.assert_allclose(np.array(once.path), np.array(thrice.path), rtol=1e-3)
    np.testing.assert_allclose(softmax(once.logits(features)), softmax(thrice.logits(features)), atol=1e-3)


def test_many_wide_features_are_solved_without_turning_them(monkeypatch: pytest.MonkeyPatch) -> None:
    features, targets = clusters(40, 3, 24)
    turned = solve_head(features, targets, n_classes=3, seed=0)
    monkeypatch.setattr(axes, "MOST_AXES", 10)
    monkeypatch.setattr(axes, "MOST_IN_DOUBLE", 10)
    as_it_is = solve_head(features, targets, n_classes=3, seed=0)
    np.testing.assert_allclose(
        softmax(turned.logits(features)), softmax(as_it_is.logits(features)), atol=1e-3
    )


def test_solving_twice_gives_the_same_bits() -> None:
    features, targets = clusters(20, 3, 30)
    first, again = (solve_head(features, targets, n_classes=3, seed=4) for _ in range(2))
    assert first.path == again.path
    np.testing.assert_array_equal(first.weight, again.weight)
    np.testing.assert_array_equal(first.bias, again.bias)


def test_a_feature_that_never_changes_does_no_harm() -> None:
    features, targets = clusters(20, 3, 5)
    constant = np.column_stack([features, np.full(len(features), 7, dtype=np.float32)])
    solved = solve_head(constant, targets, n_classes=3, seed=0)
    plain = solve_head(features, targets, n_classes=3, seed=0)
    np.testing.assert_allclose(solved.logits(constant), plain.logits(features), atol=1e-2)


def test_of_thousands_of_images_a_part_chooses_and_all_are_fitted() -> None:
    features, targets = clusters(1_100, 3, 4)
    solved = solve_head(features, targets, n_classes=3, seed=0)
    expected = reference(features, targets, solved.inverse_strength)
    np.testing.assert_allclose(softmax(solved.logits(features)), expected, atol=2e-3)


def test_progress_counts_the_strengths_tried() -> None:
    features, targets = clusters(10, 2, 4)
    seen: list[tuple[int, int]] = []
    solved = solve_head(
        features, targets, n_classes=2, seed=0, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(rank + 1, len(INVERSE_STRENGTHS)) for rank in range(len(solved.path))]


def test_installing_gives_the_classifier_the_solution() -> None:
    features, targets = clusters(10, 3, 6)
    solved = solve_head(features, targets, n_classes=3, seed=0)
    classifier = nn.Linear(6, 3)
    solved.install(classifier)
    with torch.no_grad():
        logits = classifier(torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(logits, solved.logits(features), rtol=1e-4, atol=1e-4)
    assert (solved.weight.dtype, solved.bias.dtype) == (np.float32, np.float32)
    assert isinstance(solved, SolvedHead)


def test_solving_leaves_python_s_own_warnings_switched_as_they_were() -> None:
    before = list(warnings.filters)
    solve_head(*clusters(10, 2, 4), n_classes=2, seed=0)
    assert list(warnings.filters) == before
