"""Every resample's scores are those of scikit-learn on the same images; the intervals hold what they promise."""

import numpy as np
import pytest
from sklearn.metrics import (
    balanced_accuracy_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    top_k_accuracy_score,
)

from finetune.evaluation import bootstrap
from finetune.evaluation.bootstrap import (
    Judged,
    count_resamples,
    opened,
    percentiles,
    resampled,
    scores_of,
)
from finetune.evaluation.metrics import softmax, wilson_interval


def answers(n_images: int, n_classes: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, n_classes, n_images)
    logits = generator.normal(size=(n_images, n_classes))
    logits[np.arange(n_images), targets] += 1.5
    return softmax(logits.astype(np.float32)), targets


@pytest.mark.parametrize(("n_images", "n_classes"), [(1, 2), (7, 3), (200, 2), (300, 12)])
def test_a_resample_s_scores_are_those_of_scikit_learn(
    n_images: int, n_classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares, targets = answers(n_images, n_classes)
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", 3 * n_images)  # three at a time: parts are put together
    found = resampled(Judged.of(shares, targets), seed=5, n_resamples=8)
    generator = np.random.default_rng(5)
    rows = np.concatenate([generator.integers(0, n_images, (n, n_images)) for n in (3, 3, 2)])
    labels = np.arange(n_classes)
    for place, row in enumerate(rows):
        truth, share = targets[row], shares[row]
        called = share.argmax(axis=1)
        present = np.unique(truth)
        assert found.accuracy[place] == pytest.approx((truth == called).mean())
        assert found.balanced_accuracy[place] == pytest.approx(
            recall_score(truth, called, labels=present, average="macro")
        )
        assert found.macro_f1[place] == pytest.approx(
            f1_score(truth, called, labels=present, average="macro", zero_division=0)
        )
        assert found.log_loss[place] == pytest.approx(log_loss(truth, share, labels=labels))
        if n_classes > 5:
            assert found.top_k[place] == pytest.approx(top_k_accuracy_score(truth, share, k=5, labels=labels))
        for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
            wanted = score(truth, called, labels=labels, average=None, zero_division=np.nan)
            np.testing.assert_allclose(getattr(found, name)[place], wanted)


def test_the_scores_of_the_images_themselves_are_one_resample_of_each_once() -> None:
    shares, targets = answers(90, 4)
    found = scores_of(Judged.of(shares, targets))
    assert found.accuracy.shape == (1,)
    assert found.recall.shape == (1, 4)
    assert found.balanced_accuracy[0] == pytest.approx(balanced_accuracy_score(targets, shares.argmax(1)))


def test_the_same_seed_draws_the_same_and_another_seed_other_images() -> None:
    judged = Judged.of(*answers(60, 3))
    first, again, other = (resampled(judged, seed=seed).accuracy for seed in (1, 1, 2))
    assert len(first) == 1000
    assert (first == again).all()
    assert (first != other).any()


def test_percentiles_are_numpy_s_and_leave_out_what_is_unknown() -> None:
    values = np.random.default_rng(0).normal(size=(501, 6))
    values[::7, 1] = np.nan
    values[1:, 2] = np.nan
    values[:, 3] = np.nan
    low, high = percentiles(values)
    known = [0, 1, 2, 4, 5]
    np.testing.assert_allclose(
        np.stack([low, high])[:, known], np.nanpercentile(values[:, known], [2.5, 97.5], axis=0)
    )
    assert np.isnan(low[3])
    assert np.isnan(high[3])
    assert percentiles(values[:, 0])[0] == pytest.approx(np.percentile(values[:, 0], 2.5))


def test_nineteen_of_twenty_intervals_hold_the_true_accuracy() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        right = generator.random(100) < 0.8
        shares = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])
        drawn = resampled(Judged.of(shares, np.zeros(100, int)), seed=0, n_resamples=400)
        low, high = percentiles(drawn.accuracy)
        held += bool(low <= 0.8 <= high)
    assert 0.90 <= held / 300 <= 0.98


def test_an_interval_of_images_that_are_all_right_is_wilson_s_and_not_a_point() -> None:
    assert opened(1.0, 1.0, 1.0, 20) == wilson_interval(20, 20)
    assert opened(0.0, 0.0, 0.0, 20) == wilson_interval(0, 20)
    assert opened(1.0, 0.9, 1.0, 20) == (0.9, 1.0)
    assert opened(0.5, 0.5, 0.5, 2) == (0.5, 0.5)


def test_more_images_get_fewer_resamples() -> None:
    assert [count_resamples(n) for n in (1, 30_000, 100_000, 10**7)] == [1000, 1000, 300, 200]
