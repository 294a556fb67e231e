"""What a person can do with single images, as HTML: everything escaped, each button told from the others."""

import re

import pytest

from finetune.words import speaking
from ui.web.by_hand import (
    NOT_SEEN,
    SEEN,
    Hands,
    choices_html,
    closer_html,
    corrections_html,
    suspect_choices_html,
)
from ui.web.earlier import EarlierSet, earlier_html
from ui.web.finding_words import said_example, said_finding
from ui.web.own_set import own_set_html

NAME = 'apple/"1".png'
HANDS = Hands(
    larger={
        NAME: ("/picture/p/1/0.jpg", "apple", "train"),
        "apple/2.png": ("/picture/p/1/1.jpg", "apple", ""),
    },
    corrections={
        "a.png": ("apple", ""),
        "b.png": ("apple", "<b>"),
        "c.png": ("apple", "apple"),
    },
    classes=("apple", "<b>", "plum"),
)


def clicks(html: str) -> list[str]:
    return re.findall(r'data-click="([^"]*)"', html)


def test_an_image_can_be_left_out_or_given_each_other_class() -> None:
    html = str(choices_html(HANDS, NAME, "apple"))
    assert clicks(html) == ["correct:out:apple/&#34;1&#34;.png", "class:apple/&#34;1&#34;.png"]
    assert re.findall(r'<option value="(\d)">([^<]*)<', html) == [("1", "&lt;b&gt;"), ("2", "plum")]


def test_what_was_decided_is_said_and_can_be_undone() -> None:
    told = {name: str(choices_html(HANDS, name, "apple")) for name in HANDS.corrections}
    assert "Left out" in told["a.png"]
    assert "Now: &lt;b&gt;" in told["b.png"]
    assert "Keeps its class" in told["c.png"]
    assert [clicks(html) for html in told.values()] == [[f"correct:undo:{name}"] for name in told]


def test_a_suspect_is_kept_left_out_or_relabelled() -> None:
    html = str(suspect_choices_html(HANDS, "x.png", "plum"))
    assert clicks(html) == ["correct:keep:x.png", "correct:out:x.png", "correct:suggested:x.png"]


def test_images_of_a_finding_stand_side_by_side_in_a_fold() -> None:
    html = str(closer_html(HANDS, "duplicate-1", "small", [[NAME, "apple/2.png", "unknown.png"]]))
    assert html.count('<div class="side-by-side">') == 1
    assert html.count("<img") == 2
    assert 'alt="apple/&#34;1&#34;.png"' in html
    assert "apple · train" in html
    assert str(closer_html(HANDS, "k", "small", [["unknown.png"]])) == "small"


@pytest.mark.parametrize("seen", [SEEN, NOT_SEEN, ""])
def test_how_many_corrections_are_in_force(seen: str) -> None:
    html = str(corrections_html(HANDS, seen=seen))
    assert "from now on: <strong>3</strong> (1 left out, 1 given another class, 1 kept" in html
    assert f"{seen}</p>" in html
    assert clicks(html)[-1] == "correct:undo:"
    assert not corrections_html(Hands(), seen=seen)


def test_a_growing_set_shows_its_classes_the_newest_images_first() -> None:
    html = str(own_set_html({"<i>": ["000001.png", "000003.png"], "plum": ["000002.png"]}, "/added/p/"))
    assert "So far: 3 images in 2 classes." in html
    assert clicks(html) == ["remove-added:000003.png", "remove-added:000001.png", "remove-added:000002.png"]
    assert "Remove image 2 of &lt;i&gt;" in html


def test_a_set_is_deleted_after_one_question() -> None:
    one = EarlierSet("f" * 32, "<my>.zip", "2026-01-02 03:04", 1200, 3, 2, 0.91, is_open=True)
    html = str(earlier_html([one]))
    assert "1,200" in html
    assert "91.0 %" in html
    assert "open now" in html
    assert clicks(html) == [f"earlier:ask:{one.id}"]
    asked = str(earlier_html([one], one.id))
    assert "Delete &lt;my&gt;.zip with its images, its 2 trainings" in asked
    assert clicks(asked)[1:] == [f"earlier:delete:{one.id}", "earlier:stay:"]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("3 images cannot be read and will be left out", "3 张图像无法读取，将被排除"),
        ("1 image is a copy of another in the same class", "1 张图像是同一类别中另一张的副本"),
        ("2 images are almost black; look at them", "2 张图像几乎全黑；请看一看"),
        ("1 image is almost white; look at it", "1 张图像几乎全白；请看一看"),
        ("train/ is train (60), test/ is test (20)", "train/ 作 train（60 张）, test/ 作 test（20 张）"),
        ("what nobody has ever said", "what nobody has ever said"),
    ],
)
def test_findings_are_said_in_chinese_where_their_form_is_known(english: str, chinese: str) -> None:
    assert said_finding(english) == english
    with speaking("zh"):
        assert said_finding(english) == chinese


def test_an_example_keeps_its_name() -> None:
    with speaking("zh"):
        assert said_example("a/b.png: is empty (0 bytes)") == "a/b.png：是空文件（0 字节）"
        assert said_example("a.png = b.png") == "a.png = b.png"
