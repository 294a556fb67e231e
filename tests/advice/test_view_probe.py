"""The probe on views: its closed forms against refitting, and what views can teach it or take from it."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.advice.measures.view_probe import STRENGTHS, ViewRidge, folds_of, told_right


def features(
    n: int = 40, d: int = 6, k: int = 2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Plain images, k views of each, their labels, and targets of -1 and 1."""
    random = np.random.default_rng(seed)
    classes = np.arange(n) % 3
    plain = (1.5 * np.eye(3, d)[classes] + random.normal(size=(n, d))).astype(np.float32)
    views = (plain[:, None, :] + 0.5 * random.normal(size=(n, k, d))).astype(np.float32)
    return plain, views, np.array(["a", "b", "c"])[classes], 2.0 * np.eye(3)[classes] - 1


def solved(rows: np.ndarray, targets: np.ndarray, strength: float) -> np.ndarray:
    """Return the ridge weights in their primal form."""
    return np.linalg.solve(rows.T @ rows + strength * np.eye(rows.shape[1]), rows.T @ targets)


@pytest.mark.parametrize("strength", [0.1, 10.0, 1_000.0])
def test_the_answers_are_those_of_scikit_learns_ridge_on_all_views(strength: float) -> None:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    plain, views, _, targets = features()
    expected = make_pipeline(StandardScaler(), Ridge(strength)).fit(
        views.reshape(80, -1).astype(np.float64), np.repeat(targets, 2, axis=0)
    )
    answers = ViewRidge.fit(views, targets).answers(plain, strength)
    np.testing.assert_allclose(answers, expected.predict(plain.astype(np.float64)), atol=1e-8)


@settings(max_examples=20)
@given(k=st.integers(1, 3), d=st.sampled_from([2, 6, 200]), strength=st.sampled_from(STRENGTHS.tolist()))
def test_leaving_an_image_out_is_the_same_as_fitting_again_without_its_views(
    k: int, d: int, strength: float
) -> None:
    plain, views, _, targets = features(n=15, d=d, k=k)
    probe = ViewRidge.fit(views, targets)
    found = probe.left_out(probe._shown(plain), strength)
    rows = probe.rows.reshape(15, k, -1)
    asked = (plain - probe.mean) / probe.spread
    centred = targets - targets.mean(axis=0)
    for image in range(15):
        others = np.arange(15) != image
        seen, answers = rows[others].reshape(14 * k, -1), np.repeat(centred[others], k, axis=0)
        middle, constant = seen.mean(axis=0), answers.mean(axis=0)
        weights = solved(seen - middle, answers - constant, strength)
        np.testing.assert_allclose(found[image], constant + (asked[image] - middle) @ weights, atol=1e-6)


def test_the_strength_is_chosen_on_images_of_which_no_view_was_seen() -> None:
    # Noise in many dimensions: with a view of the same image at hand no ridge at all would look best.
    targets = 2.0 * np.eye(2)[np.arange(60) % 2] - 1
    for seed in range(5):
        plain = np.random.default_rng(seed).normal(size=(60, 300)).astype(np.float32)
        probe = ViewRidge.fit(np.repeat(plain[:, None, :], 2, axis=1), targets)
        for strength in STRENGTHS:
            missed = probe.left_out(probe._shown(plain), strength) - probe.targets
            assert (missed**2).mean() > 0.7  # of noise nothing can be foretold


def test_features_that_do_not_vary_are_no_trouble() -> None:
    plain, views, labels, _ = features()
    views[:, :, 0], plain[:, 0] = 0.3, 0.3
    right = told_right(plain, views, labels, folds_of(labels))
    assert right.mean() > 0.6


def test_the_folds_hold_each_image_out_once_with_every_class_among_the_others() -> None:
    labels = np.array(["a"] * 20 + ["b"] * 7 + ["c"] * 3)
    folds = folds_of(labels)
    assert sorted(set(folds.tolist())) == [0, 1, 2]
    for fold in range(3):
        assert set(labels[folds != fold].tolist()) == {"a", "b", "c"}
    assert max(Counter(folds.tolist()).values()) == 10


def test_views_that_show_what_does_not_matter_help_and_such_as_hide_what_does_hurt() -> None:
    plain, same, redrawn, hidden = np.mean([_accuracies(seed) for seed in range(5)], axis=0)
    # Four copies of an image are a quarter of the ridge, which the strengths tried do not quite make up for.
    assert same == pytest.approx(plain, abs=0.05)
    assert redrawn > plain + 0.1
    assert hidden < plain - 0.1


def _accuracies(seed: int, n: int = 80, d: int = 80) -> tuple[float, ...]:
    """Return how often the probe is right after images once, four times, with views that redraw what tells nothing,
    and with views that hide what tells."""
    random = np.random.default_rng(seed)
    classes = np.arange(n) % 2
    signal = np.where(classes == 0, -1.0, 1.0)[:, None] + 0.7 * random.normal(size=(n, 1))
    nuisance = 6 * random.normal(size=(n, d))  # what differs between images and tells nothing
    plain = np.concatenate([signal, nuisance], axis=1).astype(np.float32)
    labels = np.array(["ants", "bees"])[classes]
    same = np.repeat(plain[:, None, :], 4, axis=1)
    redrawn = np.concatenate([same[:, :, :1], 6 * random.normal(size=(n, 4, d))], axis=2)
    hidden = np.concatenate([same[:, :, :1] * random.choice([-1, 1], size=(n, 4, 1)), same[:, :, 1:]], axis=2)
    return tuple(
        float(told_right(plain, views.astype(np.float32), labels, folds_of(labels)).mean())
        for views in (plain[:, None, :], same, redrawn, hidden)
    )
