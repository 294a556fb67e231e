"""The page's pieces: what is on disk becomes HTML and SVG that says it truly and escapes what it does not know."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.advice.advise import DatasetProfile, advise
from finetune.advice.similarity import TransferGain
from finetune.model.backbones import find_backbone
from finetune.model.describe import describe
from finetune.page.curves import curves_html, read_columns
from finetune.service.status import Status
from strategies import STRATEGIES, make_strategy
from ui.web.data import data_html
from ui.web.data_tools import cleaned_html, preview_html
from ui.web.details import folded_details
from ui.web.results import score_html
from ui.web.square import BOTTOM, LEFT, RIGHT, TOP, square_svg
from ui.web.strategy import advice_html, card_html, strip_html
from ui.web.suspects import suspects_html
from ui.web.words import error_html, progress_html, time_words

NASTY = "<script>alert(1)</script>&\"'"


class Reader(HTMLParser):
    """Collects the tags and the text of a page, and fails on a tag that is not closed."""

    VOID = ("img",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def advice_of(n_train: int, gain: float) -> dict[str, Any]:
    measured = TransferGain(gain, 0.9, 0.5, min(n_train, 512))
    return advise(
        DatasetProfile(n_train, 4, "ants", 7, measured), where="data", backbone="resnet18"
    ).to_json()


def findings_of(**changes: Any) -> dict[str, Any]:
    backbone = find_backbone("test_resnet")
    strips = {
        name: [row.to_json() for row in describe(backbone, make_strategy(name), n_classes=4)]
        for name in STRATEGIES
    }
    health = {
        "classes": {"ants": 5, "bees": 10},
        "splits": {},
        "usable": True,
        "findings": [],
        "n_images": 15,
    }
    return {
        "health": {**health, **changes},
        "thumbnails": [{"label": "ants", "source": "data:image/jpeg;base64,AA"}],
        "advice": advice_of(300, 0.8),
        "strips": strips,
    }


def test_a_network_without_pretrained_weights_has_one_strategy_and_no_square() -> None:
    advice = {"strategy": "from-scratch", "runner_up": "", "cell": None, "reason": NASTY, "warnings": []}
    strips = {"from-scratch": findings_of()["strips"]["from-scratch"]}
    findings = {"advice": advice, "strips": strips, "backbone": "fc2"}
    told = Reader(str(advice_html(findings)))
    assert "svg" not in told.tags
    assert NASTY in told.text
    closed = Reader(str(card_html("partial", findings, chosen=False))).text
    assert "Needs pretrained weights, and fc2 has none." in closed
    opened = Reader(str(card_html("from-scratch", findings, chosen=True))).text
    assert "100 % of" in opened
    assert "advised" in opened


def test_bars_are_as_long_as_the_classes_are_large() -> None:
    page = str(data_html("photos.zip", findings_of()))
    assert re.findall(r"width:([\d.]+)%", page) == ["50.0", "100.0"]
    assert "15 readable images in 2 classes" in Reader(page).text


def test_nothing_that_a_user_names_becomes_markup() -> None:
    finding = {"severity": "warning", "message": NASTY, "examples": [NASTY]}
    page = data_html(NASTY, findings_of(classes={NASTY: 3}, findings=[finding]))
    read = Reader(str(page))
    assert "script" not in read.tags
    assert read.text.count(NASTY) == 4
    for text in (error_html(NASTY), progress_html(Status("running", phase=NASTY))):
        assert "script" not in Reader(str(text)).tags


@given(st.text(min_size=1))
def test_a_class_may_have_any_name(name: str) -> None:
    read = Reader(str(data_html("a.zip", findings_of_names(name))))
    assert set(read.tags) <= {"p", "strong", "div", "span", "figure", "img", "figcaption"}


def findings_of_names(name: str) -> dict[str, Any]:
    health = {"classes": {name: 3}, "splits": {}, "usable": True, "findings": [], "n_images": 3}
    return {"health": health, "thumbnails": [{"label": name, "source": "data:,"}]}


def test_a_set_says_how_its_splits_were_understood() -> None:
    page = Reader(
        str(data_html("a.zip", findings_of(how_split="train/ is train (10), val/ is val (5)")))
    ).text
    assert "Splits: train/ is train (10), val/ is val (5)." in page


def test_a_set_says_how_unequal_its_classes_are() -> None:
    imbalance = {"ratio": 2.5, "effective": 2.2, "largest": "bees", "smallest": NASTY}
    read = Reader(str(data_html("a.zip", findings_of(imbalance=imbalance, split_folders={}))))
    assert f"Of all images 'bees' has 2.5 times as many as '{NASTY}' (effectively 2.2 times)." in read.text
    assert "script" not in read.tags


def test_channels_stand_beside_those_that_the_backbone_is_used_to() -> None:
    own = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}
    health = findings_of(channels=own, quarantine=[])["health"]
    read = Reader(str(folded_details(health, {"name": NASTY, "mean": [0.7] * 3, "std": [0.25] * 3})))
    assert read.tags.count("tr") == 4
    assert f"mean, these images{'std, these images'}mean, {NASTY}std, {NASTY}" in read.text
    assert "green0.2000.5000.7000.250" in read.text
    assert folded_details({**health, "channels": None}, None) == ""


def test_all_unreadable_files_are_listed_where_the_finding_names_the_first_alone() -> None:
    quarantine = [{"name": f"ants/{rank}.jpg", "reason": f"is {NASTY}"} for rank in range(6)]
    read = Reader(str(folded_details(findings_of(quarantine=quarantine)["health"], None)))
    assert "All 6 unreadable files" in read.text
    assert read.text.count(f".jpg: is {NASTY}") == 6
    assert folded_details(findings_of(quarantine=quarantine[:5])["health"], None) == ""


def test_a_set_that_cannot_be_trained_on_says_so() -> None:
    assert "cannot be trained on as it is" in data_html("a.zip", findings_of(usable=False))


def suspects_of(n_listed: int, n_shown: int) -> dict[str, Any]:
    row = {"path": NASTY, "label": "ants", "suggested": NASTY, "score": 0.01234}
    return {
        "n_listed": n_listed,
        "n_judged": 400,
        "backbone": "test_resnet",
        "cross_validated_accuracy": 0.975,
        "suspects": [row] * n_shown,
        "pictures": {NASTY: "data:,"},
    }


def test_wrong_labels_are_shown_as_a_sheet_and_as_a_table_in_the_same_order() -> None:
    read = Reader(str(suspects_html(suspects_of(62, 60), "/suspects/key/1")))
    assert "62 of 400 labels are probably wrong; test_resnet agrees with 97.5 % of the labels" in read.text
    assert read.tags.count("figure") == read.tags.count("img") == 60
    assert f"60. ants → {NASTY}" in read.text
    assert f"60{NASTY}ants{NASTY}0.0123" in read.text
    assert "2 more are in the list." in read.text
    assert "script" not in read.tags


def test_where_no_label_is_wrong_there_is_no_list() -> None:
    read = Reader(str(suspects_html(suspects_of(0, 0), "/suspects/key/1")))
    assert "0 of 400 labels are probably wrong" in read.text
    assert not {"figure", "table", "a"} & set(read.tags)


def test_a_cleaned_copy_says_what_became_of_the_files() -> None:
    result = {"kept": 1040, "actions": {"copy": 1000, "rewrite": 40, "drop": 3, "skip": 1}}
    read = Reader(str(cleaned_html(result, "/clean/key/1")))
    told = "Images in the cleaned copy: 1,040. Left out as duplicates: 3. Written anew as PNG: 40."
    assert told in read.text
    sound = Reader(str(cleaned_html({"kept": 7, "actions": {"copy": 7}}, "/clean/key/1"))).text
    assert "Images in the cleaned copy: 7.Download" in sound


def test_a_preview_tells_the_policy_and_its_notes() -> None:
    result = {"policy": "light", "strengths": {"hflip": 1.0, "rotation": 7.5}, "notes": [f"note: {NASTY}"]}
    page = str(preview_html(result, "/preview/key/1"))
    read = Reader(page)
    assert f"Augmentation light: hflip 1, rotation 7.5.{NASTY}" in read.text
    assert "script" not in read.tags
    assert 'src="/preview/key/1"' in page
    plain = {"policy": "none", "strengths": {}, "notes": []}
    assert "none: images stay as they are." in Reader(str(preview_html(plain, ""))).text


@given(st.integers(1, 10**7), st.floats(-1, 1))
def test_the_point_lies_in_the_square_and_in_the_cell_that_the_advice_names(
    n_train: int, gain: float
) -> None:
    advice = advice_of(n_train, gain)
    drawing = str(square_svg(advice))
    x, y = map(float, re.findall(r'class="point" cx="([\d.]+)" cy="([\d.]+)"', drawing)[0])
    assert LEFT <= x <= RIGHT
    assert TOP <= y <= BOTTOM
    (here,) = re.findall(
        r'class="cell here" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', drawing
    )
    left, top, width, height = map(float, here)
    assert left - 0.2 <= x <= left + width + 0.2
    assert top - 0.2 <= y <= top + height + 0.2


def test_the_advice_names_strategy_runner_up_and_numbers() -> None:
    text = Reader(str(advice_html(findings_of()))).text
    assert "Advised: freeze-all" in text
    assert "The runner-up is partial." in text
    assert "transfer gain 0.80" in text


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_card_shows_what_trains_as_the_strategy_plans_it(name: str) -> None:
    findings = findings_of()
    card = str(card_html(name, findings, chosen=False))
    plan = [row["lr_multiplier"] > 0 for row in findings["strips"][name]]
    drawn = [kind == "trains" for kind in re.findall(r'class="layer (frozen|trains)', card)]
    assert drawn == plan
    assert ("from random weights" in card) == (name == "from-scratch")
    assert Reader(card).text.count("parameters train") == 1


def test_a_slower_layer_is_paler() -> None:
    strip = str(strip_html(findings_of()["strips"]["full-finetune"]))
    shades = [float(shade) for shade in re.findall(r"opacity:([\d.]+)", strip)]
    assert shades == sorted(shades)
    assert shades[0] < shades[-1] == 1


def places(drawing: str, kind: str) -> list[tuple[float, float]]:
    (points,) = re.findall(rf'polyline class="{kind}" points="([^"]*)"', drawing)[:1]
    return [tuple(map(float, point.split(","))) for point in points.split()]  # type: ignore[misc]


def test_a_falling_loss_is_drawn_falling_and_epochs_from_left_to_right() -> None:
    columns: dict[str, list[float | None]] = {
        "epoch": [0, 1, 2, 3],
        "train_loss": [None, 2.0, 1.0, 0.5],
        "val_loss": [3.0, 2.5, 2.4, 2.3],
        "val_accuracy": [0.1, 0.5, 0.6, 0.7],
    }
    drawing = str(curves_html(columns))
    for kind in ("first", "second"):
        line = places(drawing, kind)
        assert [x for x, _ in line] == sorted(x for x, _ in line)
        assert [y for _, y in line] == sorted(y for _, y in line), "on a screen y grows downwards"
    assert len(places(drawing, "first")) == 3
    assert "training now 0.5, validation now 2.3" in drawing
    accuracy = drawing[drawing.index("Images right") :]
    heights = [y for _, y in places(accuracy, "second")]
    assert heights == sorted(heights, reverse=True)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=16), min_size=1, max_size=20))
def test_any_losses_can_be_drawn_within_the_frame(losses: list[float]) -> None:
    columns = {
        "epoch": [float(rank) for rank in range(len(losses))],
        "train_loss": losses,
        "val_loss": losses,
        "val_accuracy": [0.5] * len(losses),
    }
    for x, y in places(str(curves_html(columns)), "first"):
        assert LEFT - 20 <= x <= RIGHT
        assert 0 <= y <= 210


def test_a_half_written_row_is_drawn_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,train_loss,val_loss,val_accuracy\n0,,1.5,0.5\n1,1.2,1.")
    columns = read_columns(path)
    assert columns == {
        "epoch": [0, 1],
        "train_loss": [None, 1.2],
        "val_loss": [1.5, 1],
        "val_accuracy": [0.5, None],
    }
    assert "polyline" in curves_html(columns)


def test_without_numbers_there_is_nothing_to_draw(tmp_path: Path) -> None:
    assert curves_html(read_columns(tmp_path / "none.csv")) == ""
    (tmp_path / "empty.csv").write_text("")
    assert curves_html(read_columns(tmp_path / "empty.csv")) == ""


def test_a_solved_head_shows_its_path_of_regularisation() -> None:
    columns: dict[str, list[float | None]] = {"inverse_strength": [1e-4, 1e-3], "cv_log_loss": [2.0, 1.0]}
    assert next(y for _, y in places(str(curves_html(columns)), "first")) < BOTTOM


def report(**changes: Any) -> dict[str, Any]:
    return {
        "accuracy": 0.9,
        "accuracy_interval": [0.8, 0.95],
        "accuracy_split": "test",
        "selection_split": "val",
        "n_test": 50,
        "n_val": 20,
        "majority_accuracy": 0.25,
        "macro_f1": 0.8764,
        "trainable_share": 0.003,
        "strategy": "freeze-all",
        "backbone": "test_resnet",
        "image_size": 96,
        "confusion": [[20, 5], [0, 25]],
        "seconds": 61,
        **changes,
    }


def shown(**changes: Any) -> str:
    return str(score_html(report(**changes), name="run-3"))


def test_a_result_gives_its_interval_and_how_it_was_come_by() -> None:
    text = Reader(shown()).text
    assert "90.0 % of 50 test images right" in text
    assert "between 80.0 and 95.0 %" in text
    assert "run-3: freeze-all, test_resnet, 96 px; 0.3 % of the parameters trained, in 61 s" in text
    assert "chosen on these same images" not in text


def test_a_result_on_the_split_that_chose_says_so() -> None:
    text = Reader(shown(accuracy_split="val", confusion=[[18, 2], [0, 0]])).text
    assert "of 20 validation images right" in text
    assert "chosen on these same images" in text


def test_a_result_says_what_became_of_wrong_labels() -> None:
    corrections = {"drop_suspects": {"count": 1200}, "relabel": {"count": 3}}
    read = Reader(shown(corrections=corrections)).text
    assert "Images left out, as their label is probably wrong: 1,200." in read
    assert "Images given the class suggested, as their label is probably wrong: 3." in read


def test_a_result_shows_the_notes_on_it_escaped() -> None:
    told = shown(notes=["training diverged: <nan>", "the kept weights are the start"])
    text = Reader(told).text
    assert "Training diverged: <nan>." in text
    assert "The kept weights are the start." in text
    assert "<nan>" not in told
    assert shown(notes=[]) == shown(), "a report of before there were notes"


def test_progress_tells_how_far_and_how_long() -> None:
    page = str(progress_html(Status("running", phase="training", done=30, total=120, left_s=65)))
    assert 'aria-valuenow="25"' in page
    assert "30 of 120, 65 s left" in Reader(page).text
    waiting = str(progress_html(Status("waiting", n_before=2)))
    assert "Waiting for its turn: 2 before it on this computer" in waiting
    assert "About to begin" in str(progress_html(Status("waiting")))
    assert "aria-valuenow" not in waiting


@pytest.mark.parametrize(("seconds", "words"), [(0, "1 s"), (89, "89 s"), (90, "2 min"), (7500, "2 h 5 min")])
def test_lengths_of_time_are_said_in_words(seconds: float, words: str) -> None:
    assert time_words(seconds) == words
