"""Known images stay known at the share that was set, others do not; both kinds; the distance is Mahalanobis's."""

import json
from dataclasses import replace

import numpy as np
import pytest
from features import WIDTH, Array, clouds, logits_of
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from finetune.known.gaussian import fit_gaussians
from finetune.known.reject import KINDS, Kind, Reject, fit_reject, kept_below


def fitted(kind: Kind | None = None, *, n_val: int = 200, keep: float = 0.95) -> Reject:
    train, targets = clouds(400, seed=1)
    val, val_targets = clouds(n_val, seed=2)
    return fit_reject(
        train,
        targets,
        held_out=val,
        logits=logits_of(val),
        held_out_targets=val_targets,
        kind=kind,
        keep=keep,
    )


def share_known(reject: Reject, features: Array) -> float:
    return float(reject.known(features, logits_of(features)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_known_images_are_kept_and_other_classes_are_not(kind: Kind) -> None:
    reject = fitted(kind)
    kept = [share_known(reject, clouds(500, seed=seed)[0]) for seed in range(3, 9)]
    assert 0.92 <= np.mean(kept) <= 0.98
    assert share_known(reject, clouds(500, seed=20, first=5)[0]) < 0.2
    noise = np.random.default_rng(0).random((300, WIDTH)).astype(np.float32)
    assert share_known(reject, noise) < 0.05
    assert share_known(reject, np.zeros((1, WIDTH), np.float32)) == 0
    assert share_known(reject, np.full((1, WIDTH), np.nan, np.float32)) == 0


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_the_share_that_is_kept_is_the_one_that_was_asked_for(keep: float) -> None:
    kept = [share_known(fitted(keep=keep), clouds(500, seed=seed)[0]) for seed in range(3, 9)]
    assert np.mean(kept) == pytest.approx(keep, abs=0.07)


def test_the_distance_is_that_of_a_shrunk_covariance() -> None:
    features, targets = clouds(120, seed=4)
    unit = features.astype(float) / np.linalg.norm(features.astype(float), axis=1, keepdims=True)
    means = np.stack([unit[targets == label].mean(axis=0) for label in range(5)])
    covariance = LedoitWolf(assume_centered=True).fit(unit - means[targets])
    expected = cdist(unit, means, "mahalanobis", VI=covariance.precision_).min(axis=1) ** 2
    np.testing.assert_allclose(fit_gaussians(features, targets).distances(features), expected, rtol=1e-3)


def test_fewer_images_than_features_and_a_class_of_one_image_give_finite_distances() -> None:
    features, targets = clouds(11, seed=4)
    found = fit_gaussians(features, targets).distances(clouds(50, seed=5)[0])
    assert np.isfinite(found).all()
    assert (found > 0).any()
    same = np.repeat(features[:1], 6, axis=0)
    assert np.isfinite(fit_gaussians(same, np.zeros(6, dtype=int)).distances(features)).all()


def test_the_length_of_the_features_does_not_count() -> None:
    features, targets = clouds(100)
    model = fit_gaussians(features, targets)
    np.testing.assert_allclose(model.distances(3 * features), model.distances(features), rtol=1e-5)


def test_the_kind_is_the_one_that_tells_left_out_classes_better() -> None:
    reject = fitted()
    assert set(reject.left_out) == {"distance", "either", "energy"}
    assert reject.kind == max(KINDS, key=lambda kind: reject.left_out[kind])
    assert all(0.5 < value <= 1 for value in reject.left_out.values())
    train, targets = clouds(60, n_classes=2)
    two = fit_reject(
        train, targets, held_out=train, logits=logits_of(train, n_classes=2), held_out_targets=targets
    )
    assert (two.kind, two.left_out) == ("distance", {})


def test_with_few_images_the_threshold_is_the_largest_score() -> None:
    assert kept_below(np.arange(10.0), 0.95) == 9
    assert kept_below(np.arange(99.0), 0.95) == 94
    assert kept_below(np.array([3.0]), 0.95) == 3


def test_it_comes_back_from_json_and_arrays() -> None:
    reject = fitted()
    again = Reject.from_json(json.loads(json.dumps(reject.to_json())), reject.arrays)
    features = clouds(80, seed=7, first=3)[0]
    np.testing.assert_array_equal(
        again.scores(features, logits_of(features)), reject.scores(features, logits_of(features))
    )
    assert all(array.dtype == np.float32 for array in reject.arrays.values())
    with pytest.raises(ValueError, match="no way to reject is called 'energy'"):
        Reject.from_json({**reject.to_json(), "kind": "energy"}, reject.arrays)
    cut = {**reject.arrays, "scales": reject.arrays["scales"][:-1]}
    with pytest.raises(ValueError, match="do not fit each other"):
        Reject.from_json(reject.to_json(), cut)
    assert replace(reject, threshold=-1e9).known(features, logits_of(features)).sum() == 0
