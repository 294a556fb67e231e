"""Standings follow from what each backbone got right, whatever order they come in, and chance is called chance."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.advice.backbone_scores import BackboneScores
from finetune.errors import WeightsError
from finetune.model.weights import WeightsRecord
from finetune.training.ranking import Failed, Measured, Ranking, Sample, Standing, stand

WEIGHTS = WeightsRecord("packaged", "package 0.1.0", None, "0" * 64, "apache-2.0")
SAMPLE = Sample("my photos", 1000, 100, 4, 4, 0.25, seed=0)


def measured(name: str, right: np.ndarray, *, ms: float = 1.0, n_parameters: int = 1000) -> Measured:
    return Measured(name, WEIGHTS, BackboneScores(128, n_parameters, right, 0.5, 0.5, ms))


def right(n_right: int, n_images: int = 100, *, start: int = 0) -> np.ndarray:
    """Right about ``n_right`` images from ``start`` on."""
    places = np.arange(n_images)
    return (places >= start) & (places < start + n_right)


def ranking(*rows: Measured, sample: Sample = SAMPLE) -> Ranking:
    return Ranking(sample, stand(rows), ())


@given(st.integers(1, 5), st.integers(1, 40), st.integers(0, 2**31 - 1), st.randoms())
def test_the_order_of_the_candidates_changes_no_number(n: int, n_images: int, seed: int, random) -> None:  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(seed)
    rows = [
        measured(f"net{i}", generator.random(n_images) < 0.7, ms=generator.uniform(1, 9), n_parameters=i // 2)
        for i in range(n)
    ]
    shuffled = rows.copy()
    random.shuffle(shuffled)
    assert ranking(*rows).to_json() == ranking(*shuffled).to_json()


@given(st.integers(2, 5), st.integers(1, 40), st.integers(0, 2**31 - 1))
def test_places_go_by_the_images_that_were_named_rightly(n: int, n_images: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    standings = stand([measured(f"net{i}", generator.random(n_images) < 0.7) for i in range(n)])
    accuracies = [one.scores.accuracy for one in standings]
    assert accuracies == sorted(accuracies, reverse=True)
    assert [one.place for one in standings] == list(range(1, n + 1))
    assert standings[0].against_first is None
    assert standings[0].relative_cost == 1
    for one in standings[1:]:
        assert one.against_first is not None
        difference = one.scores.accuracy - accuracies[0]
        assert one.against_first.paired.difference == pytest.approx(difference)
        assert one.against_first.p_adjusted >= one.against_first.paired.p_value


def test_of_equals_the_smaller_network_comes_first_however_fast_it_is() -> None:
    big = measured("big", right(60), ms=1.0, n_parameters=9000)
    small = measured("small", right(60, start=20), ms=5.0, n_parameters=1000)
    assert [one.name for one in stand([big, small])] == ["small", "big"]


def test_a_difference_of_many_images_is_told_and_one_of_few_is_not() -> None:
    standings = stand([measured("a", right(90)), measured("b", right(88)), measured("c", right(50))])
    assert [one.name for one in standings] == ["a", "b", "c"]
    told = [one.against_first.is_told_apart for one in standings[1:] if one.against_first]
    assert told == [False, True]


def test_one_in_twenty_rankings_of_equals_at_most_tells_the_first_apart() -> None:
    """Six backbones that are right as often: the first is first by luck, which the adjustment must know."""
    generator = np.random.default_rng(1)

    def is_fooled() -> bool:
        rows = [measured(f"net{i}", generator.random(80) < 0.6) for i in range(6)]
        return any(one.against_first.is_told_apart for one in stand(rows) if one.against_first)

    assert np.mean([is_fooled() for _ in range(300)]) <= 0.05


def test_the_sentence_names_the_command_for_the_first() -> None:
    told = ranking(measured("net", right(90)), sample=replace(SAMPLE, options=("--image-size", "64")))
    assert told.sentence() == "train with the first: finetune fit 'my photos' --backbone net --image-size 64"
    assert told.cheaper is None


@pytest.mark.parametrize(
    ("n_right", "ms", "named"),
    [
        (88, 0.5, True),
        (88, 0.9, False),  # hardly cheaper
        (50, 0.5, False),  # cheaper, but worse
    ],
)
def test_a_cheaper_one_that_is_as_good_as_can_be_told_is_named(n_right: int, ms: float, named: bool) -> None:
    told = ranking(measured("slow", right(90), ms=1.0), measured("quick", right(n_right), ms=ms))
    assert told.first.name == "slow"
    assert (told.cheaper is not None) == named
    assert ("for 0.50 of its time, with quick" in told.sentence()) == named
    assert ("-2.0 points, 95 % interval" in told.sentence()) == named


def test_where_nothing_can_be_told_that_is_said_instead() -> None:
    hopeless = ranking(
        measured("net", right(30))
    )  # Wilson: 21.9 to 39.6 %, and a quarter is the commonest class
    assert hopeless.is_hopeless
    assert "no backbone is clearly better" in hopeless.sentence()
    assert "finetune inspect 'my photos'" in hopeless.sentence()
    assert not ranking(measured("net", right(40))).is_hopeless


def test_every_row_has_the_same_keys_whether_measured_or_not() -> None:
    failed = Failed("vgg16", 138_357_544, WeightsError("vgg16: no weights"))
    told = Ranking(SAMPLE, stand([measured("net", right(90))]), (failed,)).to_json()
    first, second = told["backbones"]
    assert first.keys() == second.keys()
    assert (first["place"], first["reason"]) == (1, None)
    assert (second["place"], second["accuracy"], second["reason"]) == (None, None, "vgg16: no weights")
    assert first["accuracy_interval"] == pytest.approx([0.8256, 0.9448], abs=1e-4)  # Wilson's of 90 of 100


def test_a_standing_is_made_of_plain_numbers() -> None:
    import json

    (standing,) = stand([measured("net", right(90))])
    assert isinstance(standing, Standing)
    assert json.loads(json.dumps(standing.to_json())) == standing.to_json()
