"""The page of a report is one file that asks nobody for anything; names are escaped, and every picture has words."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune.evaluation.calibration import calibrate
from finetune.evaluation.predictions import Predictions
from finetune.evaluation.summary import summarise
from finetune.page.confusion import MOST_DRAWN, confusion_svg
from finetune.page.markup import short, time_words
from finetune.page.report import report_page

PICTURE = "data:image/jpeg;base64,AAAA"
ODD = '<script>alert("x")</script> & "co"'


class Page(HTMLParser):
    """The text of a page, its tags, and the images' and drawings' words; refuses what is not closed."""

    VOID = frozenset({"meta", "img", "br", "link", "rect", "line", "path", "circle", "polyline"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def a_report(n_classes: int = 3, n_images: int = 60, *, odd: str = "", **changes: Any) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    targets = generator.integers(0, n_classes, n_images)
    logits = generator.normal(size=(n_images, n_classes)).astype(np.float32)
    logits[np.arange(n_images), targets] += 2
    names = tuple(f"class {k}{odd}" for k in range(n_classes))
    said = Predictions(tuple(f"{i}{odd}.png" for i in range(n_images)), targets, logits, names)
    summary = summarise(said, calibrate(3 * logits, targets, fitted_on="val"))
    return {
        **summary.metrics.to_json(),
        **summary.to_json(),
        "accuracy_split": "test",
        "classes": list(names),
        **changes,
    }


def test_every_section_is_there_with_its_numbers() -> None:
    report = a_report()
    page = Page(report_page(report, title="partial on fruit", thumbnails={}))
    for heading in ("Figures", "What is taken for what", "Classes", "Least certain hits", "Calibration"):
        assert heading in page.text
    assert f"{100 * report['accuracy']:.1f} % of 60 test images right" in page.text
    assert f"T = {report['calibration']['temperature']:.2f}" in page.text
    for row in report["per_class"]:
        assert f"{row['class']} {row['support']}" in page.text


@pytest.mark.parametrize("n_classes", [2, 3, 31, MOST_DRAWN + 1])
def test_a_name_full_of_markup_is_shown_as_it_is(n_classes: int) -> None:
    report = a_report(n_classes, 200, odd=ODD, notes=[ODD], baselines={"knn": {"left_out": ODD}})
    text = report_page(report, title=ODD, thumbnails={f"{i}{ODD}.png": PICTURE for i in range(200)})
    page = Page(text)
    assert not page.all("script")
    assert ODD in page.text
    assert any(ODD in (image["alt"] or "") for image in page.all("img"))


def test_nothing_is_fetched_and_no_script_runs(tmp_path: Path) -> None:
    text = report_page(
        a_report(), title="t", thumbnails={f"{i}.png": PICTURE for i in range(60)}, run=tmp_path
    )
    page = Page(text)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "base"}
    addresses = [
        value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")
    ]
    assert addresses
    assert all(address is not None and address.startswith("data:") for address in addresses)
    assert not re.search(r"url\(|@import|https?://", text)
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on")]


def test_every_picture_has_words_and_a_table_says_what_it_shows() -> None:
    page = Page(report_page(a_report(), title="t", thumbnails={f"{i}.png": PICTURE for i in range(60)}))
    pictures = page.all("img") + page.all("svg")
    assert len(pictures) > 5
    assert all(picture.get("alt") or picture.get("aria-label") for picture in pictures)
    labels = {each.get("aria-label") for each in page.all("div")}
    assert {"Confusion matrix", "Calibration", "Reliability before calibration", "Classes"} <= labels


def test_baselines_stand_beside_the_score_and_what_is_left_out_has_its_reason() -> None:
    baselines = {
        "majority": {"accuracy": 0.4, "accuracy_interval": [0.3, 0.5], "n_images": 60},
        "knn": {"accuracy": 0.7, "accuracy_interval": [0.6, 0.8], "n_images": 60, "how": "read features"},
        "linear_probe": {"left_out": "this classifier is one itself"},
    }
    page = Page(report_page(a_report(baselines=baselines), title="t", thumbnails={}))
    assert "nearest neighbours of frozen features 70.0 % (60.0 to 80.0)" in page.text
    assert "always the commonest class 40.0 %" in page.text
    assert "Left out: linear probe: only the head trained, since this classifier is one itself." in page.text


def test_a_hundred_classes_are_all_named_and_the_worst_come_first() -> None:
    report = a_report(100, 1500)
    page = Page(report_page(report, title="t", thumbnails={}))
    assert "The 10 of 100 classes with the lowest recall:" in page.text
    drawing = Page(str(confusion_svg(report["confusion"], report["classes"], report["confusion_order"])))
    titles = [text for text in drawing.texts if text.startswith("class ")]
    assert {f"class {k}" for k in range(100)} <= set(titles)
    drawn = [each for each in drawing.all("rect") if each["class"] in ("hit", "miss")]
    assert len(drawn) == np.count_nonzero(report["confusion"])


def test_the_rows_and_columns_of_the_drawing_follow_the_order() -> None:
    drawing = str(confusion_svg([[7, 0, 0], [0, 8, 1], [0, 0, 9]], ["a", "b", "c"], [2, 0, 1]))
    assert re.findall(r"<title>(\w called \w): (\d) of", drawing) == [
        ("c called c", "9"),
        ("a called a", "7"),
        ("b called c", "1"),
        ("b called b", "8"),
    ]


def test_without_mistakes_and_calibration_it_says_so() -> None:
    report = a_report()
    report |= {
        "confusion": [[20, 0, 0], [0, 20, 0], [0, 0, 20]],
        "most_confused": [],
        "confusion_order": [0, 1, 2],
    }
    report["gallery"] = {"confident_mistakes": [], "uncertain_hits": []}
    report["calibration"] = {**report["calibration"], "fitted_on": "none", "reason": "nothing to fit"}
    page = Page(report_page(report, title="t", thumbnails={}))
    assert page.text.count("No image was called another class.") == 2
    assert "The probabilities are as the network gives them (T = 1): nothing to fit." in page.text


def test_a_report_of_before_these_figures_still_has_a_page() -> None:
    report = {
        name: a_report()[name]
        for name in ("accuracy", "accuracy_interval", "accuracy_split", "confusion", "classes")
    }
    page = Page(report_page(report, title="t", thumbnails={}))
    assert "What is taken for what" in page.text
    assert "Calibration" not in page.text


def test_long_names_lose_their_middle_and_times_are_words() -> None:
    assert short("a" * 18) == "a" * 18
    assert short("great spotted woodpecker 44") == "great spo…ecker 44"
    assert [time_words(s) for s in (0, 61, 600, 7500)] == ["1 s", "61 s", "10 min", "2 h 5 min"]
