"""The solved head is scikit-learn's logistic regression on standardised features, expressed for the raw ones."""

import warnings

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from finetune.evaluation.metrics import softmax
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
