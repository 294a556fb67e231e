"""Sets hold the true class as often as was asked for, and are those of MAPIE."""

import json
import math

import numpy as np
import pytest
from features import clouds, logits_of
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin

from finetune.errors import OptionError
from finetune.evaluation.metrics import softmax
from finetune.known.conformal import KINDS, Conformal, Kind, class_scores, fit_conformal


def unsure(n_images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Logits that are right about four times of five, and the truth."""
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, 6, n_images)
    logits = generator.normal(size=(n_images, 6)) * 1.3
    logits[np.arange(n_images), targets] += 2.5
    return logits.astype(np.float32), targets


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.99])
def test_the_sets_hold_the_truth_as_often_as_asked(kind: Kind, coverage: float) -> None:
    held = []
    for seed in range(40):
        logits, targets = unsure(600, seed)
        fitted = fit_conformal(logits[:300], targets[:300], kind=kind, temperature=1.7)
        members = fitted.sets(logits[300:], coverage)
        held.append(members[np.arange(300), targets[300:]].mean())
    # The mean over calibrations is between coverage and coverage + 1 / (n + 1), but for APS, which gives more.
    spread = 3 * math.sqrt(coverage * (1 - coverage) * (2 / 300) / 40)
    assert np.mean(held) >= coverage - spread
    if kind == "lac":
        assert np.mean(held) <= coverage + 1 / 301 + spread


class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Hands probabilities through, as MAPIE wants an estimator."""

    def __init__(self) -> None:
        self.classes_ = np.arange(6)

    def fit(self, X: object, y: object) -> "Given":  # noqa: N803, ARG002 - scikit-learn's names
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]  # noqa: N803
        found: np.ndarray = X.argmax(axis=1)  # type: ignore[type-arg]
        return found

    def predict_proba(self, X: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]  # noqa: N803
        return X

    def __sklearn_is_fitted__(self) -> bool:
        return True


@pytest.mark.parametrize("coverage", [0.7, 0.9, 0.95])
def test_the_sets_are_those_of_mapie(coverage: float) -> None:
    from mapie.classification import SplitConformalClassifier

    logits, targets = unsure(500, 3)
    probabilities = softmax(logits)
    judge = SplitConformalClassifier(Given(), confidence_level=coverage, conformity_score="lac", prefit=True)
    judge.conformalize(probabilities[:200], targets[:200])
    _, expected = judge.predict_set(probabilities[200:])
    ours = fit_conformal(logits[:200], targets[:200]).sets(logits[200:], coverage)
    np.testing.assert_array_equal(ours, expected[:, :, 0])
    assert len(np.unique(ours.sum(axis=1))) > 1


@given(st.integers(0, 1000), st.floats(0.05, 0.9))
def test_a_larger_coverage_never_loses_a_class(seed: int, coverage: float) -> None:
    logits, targets = unsure(60, seed)
    for kind in KINDS:
        fitted = fit_conformal(logits, targets, kind=kind)
        assert (fitted.sets(logits, coverage) <= fitted.sets(logits, coverage + 0.09)).all()


def test_with_too_few_images_for_a_promise_every_class_is_plausible() -> None:
    logits, targets = unsure(9, 0)
    fitted = fit_conformal(logits, targets)
    assert fitted.threshold(0.9) == fitted.scores[-1]  # (9 + 1) 0.9 = 9: the largest of nine
    assert fitted.threshold(0.91) == math.inf
    assert fitted.sets(logits, 0.95).all()


def test_aps_adds_up_what_is_likelier_and_never_gives_an_empty_set() -> None:
    scores = class_scores(np.array([[0.2, 0.5, 0.3]]), "aps")
    np.testing.assert_allclose(scores, [[0.8, 0.0, 0.5]])
    logits, targets = unsure(400, 5)
    assert fit_conformal(logits, targets, kind="aps").sets(10 * logits, 0.5).any(axis=1).all()


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 1.5, math.nan])
def test_a_coverage_that_is_no_share_is_refused(coverage: float) -> None:
    logits, targets = unsure(30, 0)
    with pytest.raises(OptionError, match=r"--coverage .* is not between 0 and 1"):
        fit_conformal(logits, targets).sets(logits, coverage)


def test_it_comes_back_from_json() -> None:
    features, targets = clouds(40)
    fitted = fit_conformal(logits_of(features), targets, kind="aps", temperature=2.0)
    fields = json.loads(json.dumps(fitted.to_json()))
    again = Conformal.from_json(fields, fitted.scores)
    assert (again.kind, again.temperature) == ("aps", 2.0)
    np.testing.assert_array_equal(again.scores, fitted.scores)
    for change in ({"kind": "raps"}, {"n_images": 41}):
        with pytest.raises(ValueError, match="scores"):
            Conformal.from_json({**fields, **change}, fitted.scores)
