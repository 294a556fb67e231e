"""Questions that come together: who is asked with whom, who makes room, and one's trouble is not another's.

The classifiers here are stand-ins that answer with a file's name; `test_api_models` asks real ones.
"""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune.errors import ResourceError, RunError
from finetune.service import serving
from finetune.service.predictor import Answer
from finetune.service.serving import Asked, Busy, Limits, Serving

BUNDLES = [Path(name) for name in ("one", "two", "three")]


class StandIn:
    """Answers with the names of the images; a file called ``deadly`` ends it; ``closed`` says which were ended."""

    asked: list[list[str]]
    closed: list[str]
    gate: threading.Event

    def __init__(self) -> None:
        self.bundle = ""

    def ask_many(self, bundle: Path, images: Sequence[Path], *, top: int, coverage: float) -> list[Answer]:
        self.bundle = str(bundle)
        assert self.gate.wait(20)
        self.asked.append([image.name for image in images])
        if any(image.name == "deadly" for image in images):
            raise ResourceError("the classifier's process gave no answer; try again with a smaller image")
        if any(image.name == "odd" for image in images):
            raise ValueError("a fault")
        return [Answer(((image.name, coverage),), "") for image in images][: top * len(images)]

    def close(self) -> None:
        self.closed.append(self.bundle)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    kind = type("Stand", (StandIn,), {"asked": [], "closed": [], "gate": threading.Event()})
    kind.gate.set()
    monkeypatch.setattr(serving, "Predictor", kind)
    return kind


def asked(*names: str, coverage: float = 0.9) -> Asked:
    return Asked(tuple(Path(name) for name in names), coverage=coverage)


def names(answers: object) -> list[str]:
    return [answer.top[0][0] for answer in answers]  # type: ignore[attr-defined]


def test_everybody_gets_their_own_answers_out_of_one_batch(stand_in: type[StandIn]) -> None:
    stand_in.gate.clear()
    told: list[int] = []
    served = Serving(Limits(window_s=0.0), lambda n, _s: told.append(n))
    first = served.ask(BUNDLES[0], asked("a"))
    others = [served.ask(BUNDLES[0], asked(f"b{n}", f"c{n}")) for n in range(5)]
    assert served.waiting == 11
    stand_in.gate.set()
    assert names(first.result(20)) == ["a"]
    assert [names(each.result(20)) for each in others] == [[f"b{n}", f"c{n}"] for n in range(5)]
    served.close()
    assert sum(told) == 11
    assert len(told) < 6
    assert served.waiting == 0


def test_only_questions_of_one_kind_are_asked_together(stand_in: type[StandIn]) -> None:
    served = Serving(Limits(window_s=0.2))
    found = [served.ask(BUNDLES[0], asked(str(n), coverage=(0.9, 0.5)[n % 2])) for n in range(4)]
    assert [each.result(20)[0].top[0] for each in found] == [  # type: ignore[union-attr]
        ("0", 0.9),
        ("1", 0.5),
        ("2", 0.9),
        ("3", 0.5),
    ]
    served.close()
    assert sorted(map(sorted, stand_in.asked)) == [["0", "2"], ["1", "3"]]


def test_one_person_s_image_is_not_the_next_one_s_trouble() -> None:
    served = Serving(Limits(window_s=0.2))
    found = [served.ask(BUNDLES[0], asked(name)) for name in ("fine", "deadly", "also fine")]
    assert names(found[0].result(20)) == ["fine"]
    assert names(found[2].result(20)) == ["also fine"]
    with pytest.raises(ResourceError, match="gave no answer"):
        found[1].result(20)
    served.close()


def test_a_fault_is_told_to_whoever_waits_and_the_next_is_answered() -> None:
    served = Serving(Limits(window_s=0.0))
    with pytest.raises(ValueError, match="a fault"):
        served.ask(BUNDLES[0], asked("odd")).result(20)
    assert names(served.ask(BUNDLES[0], asked("a")).result(20)) == ["a"]
    assert served.waiting == 0
    served.close()


def test_too_many_are_refused_and_a_single_large_question_is_not(stand_in: type[StandIn]) -> None:
    stand_in.gate.clear()
    served = Serving(Limits(window_s=0.0, most_waiting=3))
    large = served.ask(BUNDLES[0], asked(*"abcde"))
    with pytest.raises(Busy, match="5 images are waiting for this model already; ask again in a moment"):
        served.ask(BUNDLES[0], asked("f"))
    with pytest.raises(Busy):
        served.refuse_when_full(BUNDLES[0])
    served.refuse_when_full(BUNDLES[1])
    stand_in.gate.set()
    assert len(large.result(20)) == 5
    served.close()


def test_the_least_recently_used_makes_room_once_it_has_answered(stand_in: type[StandIn]) -> None:
    served = Serving(Limits(window_s=0.0, most_loaded=2))
    for bundle in (BUNDLES[0], BUNDLES[1], BUNDLES[0]):
        served.ask(bundle, asked("a")).result(20)
    stand_in.gate.clear()
    last_words = served.ask(BUNDLES[1], asked("b"))
    served.ask(BUNDLES[0], asked("c"))
    new = served.ask(BUNDLES[2], asked("d"))
    assert served.loaded == 2
    stand_in.gate.set()
    assert names(last_words.result(20)) == ["b"]
    assert names(new.result(20)) == ["d"]
    assert stand_in.closed == ["two"]
    served.close()
    assert sorted(stand_in.closed) == ["one", "three", "two"]


def test_who_has_left_is_not_waited_for(stand_in: type[StandIn]) -> None:
    stand_in.gate.clear()
    served = Serving(Limits(window_s=0.0))
    first, left = served.ask(BUNDLES[0], asked("a")), served.ask(BUNDLES[0], asked("b"))
    assert left.cancel()
    stand_in.gate.set()
    assert names(first.result(20)) == ["a"]
    served.forget(BUNDLES[0])
    assert (served.loaded, stand_in.closed) == (0, ["one"])
    served.forget(BUNDLES[0])


def test_what_waits_is_answered_before_the_end() -> None:
    served = Serving(Limits(window_s=5.0))
    waiting = served.ask(BUNDLES[0], asked("a"))
    served.close()
    assert names(waiting.result(0)) == ["a"]


def test_a_bundle_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    served = Serving()
    with pytest.raises(RunError, match="is not a bundle"):
        served.ask(tmp_path, asked("a")).result(60)
    served.close()
