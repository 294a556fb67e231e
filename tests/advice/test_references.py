"""The square's other data sets: where they lie is what the benchmark measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune.advice.references import REFERENCES, Reference

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("one", REFERENCES, ids=lambda one: one.name)
def test_a_reference_has_two_names_and_a_place_in_the_square(one: Reference) -> None:
    assert one.name.isascii()
    assert one.name_zh
    assert one.n_train > 20
    assert 0 < one.gain <= 1


def test_no_two_lie_on_each_other() -> None:
    places = [(round(one.gain, 1), len(str(one.n_train))) for one in REFERENCES]
    assert (
        len({one.name for one in REFERENCES}) == len({one.name_zh for one in REFERENCES}) == len(REFERENCES)
    )
    assert len(set(places)) == len(places)


def test_each_is_what_the_benchmark_measured() -> None:
    lines = (ROOT / "benchmarks" / "results" / "square.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    measured = sorted((row["size"]["n"], row["similarity"]["value"]) for row in rows)
    assert sorted((one.n_train, one.gain) for one in REFERENCES) == [
        (n, pytest.approx(gain, abs=0.00051)) for n, gain in measured
    ]
