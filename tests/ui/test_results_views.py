"""The tabs Results and Use as HTML: cells that open, runs on one scale, lines to copy, a question before deleting."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune.evaluation.calibration import UNCALIBRATED
from finetune.evaluation.comparison import compare_runs
from finetune.evaluation.predictions import Predictions
from finetune.evaluation.summary import summarise
from finetune.page.moved import moved_bars_html
from finetune.page.overlay import overlaid_html
from finetune.service.choice import choose, chosen_of
from finetune.service.judged import Judged
from finetune.service.projects import Project, Training
from finetune.service.status import Status
from finetune.words import speaking
from ui.web.comparison import comparison_html
from ui.web.erase import erase_html, sure_of_all_html
from ui.web.matrix import MOST_IN_CELL, MOST_OF_BUTTONS, cell_html, matrix_html
from ui.web.runs import RunRow, runs_html
from ui.web.use import export_html

NASTY = "<script>alert(1)</script>&\"'"


def said(n_classes: int, seed: int = 0, n_images: int = 90) -> Predictions:
    generator = np.random.default_rng(seed)
    targets = np.random.default_rng(0).integers(0, n_classes, n_images)
    logits = generator.normal(size=(n_images, n_classes)).astype(np.float32)
    logits[np.arange(n_images), targets] += 2
    names = tuple(f"{k} {NASTY}" for k in range(n_classes))
    return Predictions(tuple(f"{i}.png" for i in range(n_images)), targets, logits, names)


def report_of(n_classes: int) -> dict[str, Any]:
    summary = summarise(said(n_classes), UNCALIBRATED)
    names = list(said(n_classes).class_names)
    return {**summary.metrics.to_json(), **summary.to_json(), "accuracy_split": "test", "classes": names}


def cells(html: str, number: str) -> set[tuple[int, int]]:
    found = re.findall(rf'data-click="cell:{number}:(\d+)-(\d+)"', html)
    return {(int(row), int(column)) for row, column in found}


@pytest.mark.parametrize("n_classes", [3, MOST_OF_BUTTONS, MOST_OF_BUTTONS + 1])
def test_every_cell_that_holds_images_can_be_opened(n_classes: int) -> None:
    report = report_of(n_classes)
    html = str(matrix_html(report, "7"))
    counts = np.array(report["confusion"])
    assert cells(html, "7") == {(int(row), int(column)) for row, column in np.argwhere(counts)}
    assert "<script" not in html
    buttons = cells("".join(re.findall(r"<button[^>]*>", html)), "7")
    wrong = {(row, column) for row, column in cells(html, "7") if row != column}
    shown = {
        (report["classes"].index(p["truth"]), report["classes"].index(p["called"]))
        for p in report["most_confused"]
    }
    assert buttons >= (wrong if n_classes <= MOST_OF_BUTTONS else shown)


def test_an_opened_cell_shows_so_many_images_and_says_how_many_there_are() -> None:
    images = [Judged(place, f"{place}{NASTY}", "a", "b", 0.9) for place in range(MOST_IN_CELL + 5)]
    html = str(cell_html(images, "a", NASTY, lambda image: f"/judged/key/1/{image.place}"))
    assert html.count("<img") == MOST_IN_CELL
    assert "(images: 65)" in html
    assert "The surest 60 are shown" in html
    assert "<script" not in html


def row(number: str, **changes: Any) -> RunRow:
    report = {"accuracy": 0.8, "accuracy_interval": [0.7, 0.9], "image_size": 64, "seconds": 30}
    values: dict[str, Any] = {
        "number": number,
        "name": f"fruit-{number}",
        "strategy": "partial",
        "when": "2026-01-01 10:00",
        "state": "finished",
        "error": "",
        "report": report,
        "is_shown": False,
        "is_beside": False,
        "can_answer": True,
    }
    return RunRow(**{**values, **changes})


def test_runs_stand_on_one_scale_and_those_without_a_score_say_why() -> None:
    failed = row("3", report={}, state="failed", error=f"no room {NASTY}", can_answer=False)
    html = str(runs_html([failed, row("2", is_shown=True), row("1", is_beside=True)]))
    assert html.count("left:70.0%;width:20.0%") == 2
    assert "failed: <span" in html
    assert "<script" not in html
    assert re.findall(r'data-click="(run|beside):(\d*)"', html) == [("run", "1"), ("beside", "")]
    assert runs_html([row("1", is_shown=True)]) == ""
    with speaking("zh"):
        assert "当前显示" in runs_html([failed, row("2", is_shown=True)])


def test_a_comparison_says_who_is_better_only_where_chance_is_ruled_out() -> None:
    columns: dict[str, list[float | None]] = {"epoch": [0, 1], "val_loss": [2, 1], "val_accuracy": [0.5, 0.6]}
    alike = compare_runs(said(3), said(3, seed=1), ("first", "second"))
    html = str(comparison_html(alike, (columns, columns)))
    assert "Cannot be told apart" in html
    assert html.count("<polyline") == 4
    bad = said(3)
    worse = Predictions(bad.names, bad.targets, -bad.logits, bad.class_names)
    found = compare_runs(worse, said(3), ("first", "second"))
    html = str(comparison_html(found, ({}, columns)))
    assert "<strong>second is better</strong> than first" in html
    assert "Only runs that were trained in epochs" in html
    left = float(re.findall(r'range-dot" style="left:([\d.]+)%', html)[0])
    assert left > 50, "what is better lies to the right of nothing"


def test_curves_of_different_lengths_share_one_scale() -> None:
    short = {"epoch": [0, 1], "val_loss": [2.0, 1.0], "val_accuracy": [0.1, 0.2]}
    long = {"epoch": [0, 1, 2, 3], "val_loss": [2.0, 1.5, None, 0.5], "val_accuracy": [0.1, 0.2, 0.3, 0.4]}
    html = str(overlaid_html((short, long), ("a", "b")))
    ends = [float(points.split()[-1].split(",")[0]) for points in re.findall(r'points="([^"]*)"', html)]
    assert ends[0] < ends[1]
    assert overlaid_html(({}, long), ("a", "b")) == ""


def test_what_moved_most_has_the_longest_bar_and_what_was_frozen_says_so() -> None:
    rows = [
        {"group": "stem", "frozen": True, "relative_change": 0.0},
        {"group": NASTY, "frozen": False, "relative_change": 0.5},
        {"group": "head", "frozen": False, "relative_change": 0.25},
        {"group": "scale", "frozen": False, "relative_change": float("nan")},
    ]
    html = str(moved_bars_html(rows))
    assert re.findall(r"width:([\d.]+)%", html)[:3] == ["0.0", "100.0", "50.0"]
    assert ">frozen</span>" in html
    assert "<script" not in html
    assert moved_bars_html([]) == ""


def test_an_onnx_file_is_offered_written_shown_at_work_and_handed_out() -> None:
    def shown(**given: Any) -> str:
        return str(
            export_html("2", "int8", **{"status": None, "error": "", "result": {}, "address": "", **given})
        )

    assert 'data-click="onnx:2:int8"' in shown()
    assert "progressbar" in shown(status=Status("running", phase="comparing", done=1, total=4))
    failed = shown(status=Status("failed", error="no room"), error="no room")
    assert "no room" in failed
    assert "data-click" in failed
    result = {"bytes": 1_500_000, "checked": 73, "flips": 2, "max_abs_dlogit": 0.25}
    written = shown(status=Status("finished"), result=result, address="/onnx/key/1")
    assert 'href="/onnx/key/1"' in written
    assert "Compared on 73 images: 2 other labels" in written


def test_deleting_asks_once_more_and_names_each_run() -> None:
    assert 'data-click="erase:run:2"' in erase_html(NASTY, ("2", "run-2"), [("1", "run-1")])
    assert ":yes" not in erase_html(NASTY, ("2", "run-2"), [("1", "run-1")])
    sure = str(sure_of_all_html(NASTY, ["run-1", "run-2"]))
    assert 'data-click="erase:all:yes"' in sure
    assert "<li>run-1</li><li>run-2</li>" in sure
    assert "number of runs: 2" in sure
    assert "<script" not in sure


def test_a_choice_holds_until_a_newer_run_can_be_asked(tmp_path: Path) -> None:
    project = Project(tmp_path, "a.zip", tmp_path / "a.zip", "")
    one, two, three = (Training(tmp_path / str(n), tmp_path / f"run-{n}", "partial") for n in (1, 2, 3))
    assert chosen_of(project, []) is None
    assert chosen_of(project, [two, one]) == two
    choose(project, one, [two, one])
    assert chosen_of(project, [two, one]) == one
    assert chosen_of(project, [three, two, one]) == three
    assert chosen_of(project, [two]) == two, "the chosen one is gone"
    assert chosen_of(project, [one]) == one, "another one is gone"
    choose(project, one, [three, two, one])
    assert chosen_of(project, [two, one]) == one, "the newest is gone"
