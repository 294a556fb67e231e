"""A tab gets what it does not show yet, and a lost answer is sent again."""

import io
import threading
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from page_parts import TABS, bare_parts

from ui.downloads import zip_bundle
from ui.layout import Parts
from ui.train_view import TrainView
from ui.updates import shown, updates
from ui.view import View
from ui.web.use import downloads_html

EMPTY = View("", "", (), "", "", "", "")
OPEN = replace(
    EMPTY,
    data="images",
    advice="advice",
    cards=("a", "b", "c", "d"),
    chosen="partial",
)


@pytest.fixture
def parts() -> Parts:
    return bare_parts()


def given(answer: dict[Any, Any], parts: Parts) -> dict[str, Any]:
    """The answer by the parts' own names."""
    tabs = [getattr(parts, name) for name in TABS]
    names = {id(part): name for owner in (parts, *tabs) for name, part in vars(owner).items()}
    train = parts.train_tab
    names |= {id(card): f"card {name}" for name, card in train.cards.items()}
    names |= {id(choice): f"choice {name}" for name, choice in train.choices.items()}
    names |= {id(row): f"options {name}" for name, row in train.expert.rows.items()}
    others = parts.data_tab.other_backbones
    names |= {id(part): f"backbones {name}" for name, part in vars(others).items()}
    names |= {id(part): f"hand {name}" for name, part in vars(parts.data_tab.hand).items()}
    return {names[id(part)]: value for part, value in answer.items()}


def test_a_new_tab_gets_everything_and_then_nothing_more(parts: Parts) -> None:
    first = given(updates(parts, OPEN, ""), parts)
    assert first["data"]["value"] == "images"
    assert first["card_row"]["visible"] is True
    assert first["train"]["value"] == "Train with partial"
    assert first["choice partial"]["value"] == "Chosen ✓"
    again = given(updates(parts, OPEN, first["seen"]), parts)
    assert set(again) == {"seen"}


def test_the_options_of_the_chosen_strategy_are_shown_and_no_others(parts: Parts) -> None:
    answer = given(updates(parts, OPEN, ""), parts)
    assert answer["options partial"]["visible"] is True
    assert answer["options full-finetune"]["visible"] is False
    other = given(updates(parts, replace(OPEN, chosen="full-finetune"), answer["seen"]), parts)
    assert other["options partial"]["visible"] is False
    assert other["options full-finetune"]["visible"] is True


def test_only_what_changed_is_sent(parts: Parts) -> None:
    seen = given(updates(parts, OPEN, ""), parts)["seen"]
    answer = given(updates(parts, replace(OPEN, train=replace(OPEN.train, training="going")), seen), parts)
    assert set(answer) == {"training", "seen"}


def test_an_answer_that_got_lost_is_sent_again(parts: Parts) -> None:
    seen = given(updates(parts, OPEN, ""), parts)["seen"]
    later = replace(OPEN, train=replace(OPEN.train, training="going"))
    lost = given(updates(parts, later, seen), parts)
    assert given(updates(parts, later, seen), parts) == lost


@pytest.mark.parametrize("nonsense", ["{", "[]", "null", '{"data": 7}', "x" * 1000])
def test_what_a_tab_says_it_shows_may_be_nonsense(parts: Parts, nonsense: str) -> None:
    assert given(updates(parts, OPEN, nonsense), parts)["data"]["value"] == "images"


def test_another_classifier_takes_the_answers_of_the_one_before_away(parts: Parts) -> None:
    asked = replace(OPEN, address="/bundle/x/1", asked="run-1:5:7", asked_name="partial (run-1)")
    seen = given(updates(parts, asked, ""), parts)["seen"]
    resumed = given(updates(parts, replace(asked, asked="run-1:6:8"), seen), parts)
    assert resumed["image"] is None
    assert "as soon as there is an image" in resumed["answer"]
    assert resumed["image"] is None
    assert "asked" in resumed


def test_the_report_of_a_run_is_offered_where_there_is_one() -> None:
    without = {"bundle": "/bundle/x/1", "report": "", "card": ""}
    assert 'href="/run/x/1"' in downloads_html("run-1", {}, without | {"report": "/run/x/1"})
    assert "/run/" not in downloads_html("run-1", {}, without)


def test_every_part_that_may_change_is_declared(parts: Parts) -> None:
    declared = {id(part) for part in shown(parts)}
    for view in (EMPTY, OPEN, replace(OPEN, train=TrainView(is_running=True), asked="a", address="b")):
        assert {id(part) for part in updates(parts, view, "")} <= declared


def test_a_bundle_fetched_twice_at_once_is_whole_both_times(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "model.safetensors").write_bytes(b"w" * 5_000_000)
    (bundle / "classes.json").write_text("[]")
    read: list[list[str]] = []

    def fetch() -> None:
        content = zip_bundle(bundle, tmp_path / "run-bundle.zip").read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            read.append(sorted(archive.namelist()))

    threads = [threading.Thread(target=fetch) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [["run-bundle/classes.json", "run-bundle/model.safetensors"]] * 6
    assert not list(tmp_path.glob("*.tmp"))


def test_a_page_asks_less_often_once_nothing_is_at_work(parts: Parts) -> None:
    busy = given(updates(parts, OPEN, "", asks_every_s=1), parts)
    assert busy["timer"]["value"] == 1
    assert "timer" not in given(updates(parts, OPEN, busy["seen"], asks_every_s=1), parts)
    rest = given(updates(parts, OPEN, busy["seen"], asks_every_s=4), parts)
    assert rest["timer"]["value"] == 4
    assert set(rest) == {"timer", "seen"}
