"""What is learnt from observations is what the textbook's formulas say, in whatever order they come."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.advice.regression import Belief

PRIOR = Belief.independent(np.array([0.5, -1.0]), np.array([1.0, 2.0]), noise=0.25)
FEATURES = np.array([[1.0, 0.0], [1.0, 2.0], [1.0, -1.0], [1.0, 0.5]])
VALUES = np.array([0.2, -1.5, 2.0, 0.1])


def test_one_weight_is_the_mean_weighed_by_precisions() -> None:
    prior = Belief.independent(np.array([1.0]), np.array([2.0]), noise=1.0)
    after = prior.learn(np.ones((3, 1)), np.array([4.0, 5.0, 6.0]))
    precision = 1 / 4 + 3
    assert after.mean == pytest.approx([(1 / 4 + 15) / precision])
    assert after.covariance == pytest.approx(np.array([[1 / precision]]))


def test_without_observations_nothing_is_learnt() -> None:
    after = PRIOR.learn(np.zeros((0, 2)), np.zeros(0))
    assert after.mean == pytest.approx(PRIOR.mean)
    assert after.covariance == pytest.approx(PRIOR.covariance)


def test_a_vague_belief_ends_at_least_squares() -> None:
    vague = Belief.independent(np.zeros(2), np.full(2, 1e4), noise=0.25)
    least, *_ = np.linalg.lstsq(FEATURES, VALUES, rcond=None)
    assert vague.learn(FEATURES, VALUES).mean == pytest.approx(least, rel=1e-5)


@given(st.permutations(range(4)))
def test_one_after_the_other_is_as_all_at_once(order: list[int]) -> None:
    one_by_one = PRIOR
    for rank in order:
        one_by_one = one_by_one.learn(FEATURES[[rank]], VALUES[[rank]])
    together = PRIOR.learn(FEATURES, VALUES)
    assert one_by_one.mean == pytest.approx(together.mean)
    assert one_by_one.covariance == pytest.approx(together.covariance)


def test_an_observation_that_counts_twice_is_two() -> None:
    twice = PRIOR.learn(FEATURES[:1], VALUES[:1], counts=np.array([2.0]))
    both = PRIOR.learn(FEATURES[[0, 0]], VALUES[[0, 0]])
    assert twice.mean == pytest.approx(both.mean)
    assert twice.covariance == pytest.approx(both.covariance)


def test_doubt_falls_with_what_is_seen_and_grows_away_from_it() -> None:
    after = PRIOR.learn(FEATURES, VALUES)
    assert (after.doubt(FEATURES) < PRIOR.doubt(FEATURES)).all()
    near, far = after.doubt(np.array([[1.0, 0.0], [1.0, 9.0]]))
    assert far > near


def test_simulated_values_lie_where_the_belief_says() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(400):
        weights = PRIOR.mean + rng.normal(size=2) * np.array([1.0, 2.0])
        seen = FEATURES @ weights + rng.normal(size=4) * 0.5
        asked = np.array([[1.0, 1.0]])
        after = PRIOR.learn(FEATURES, seen)
        value = asked @ weights + rng.normal() * 0.5
        spread = np.sqrt(after.doubt(asked) + after.noise)
        inside.append(abs(value - after.expected(asked)) < 1.2816 * spread)
    assert 0.75 < np.mean(inside) < 0.85


def test_it_comes_back_from_json() -> None:
    after = Belief.from_json(json.loads(json.dumps(PRIOR.to_json())))
    assert (after.mean == PRIOR.mean).all()
    assert (after.covariance == PRIOR.covariance).all()
    assert after.noise == PRIOR.noise
