"""What people see: tables and sentences that hold the numbers, for the terminal and every other face."""

import io
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawing import draw_set
from rich.console import Console

from finetune.advice.advise import DatasetProfile, advise
from finetune.advice.similarity import TransferGain
from finetune.bundle.predict import Prediction
from finetune.data.health import inspect_source
from finetune.data.samples import SAMPLES
from finetune.data.sources import open_source
from finetune.evaluation.calibration import UNCALIBRATED
from finetune.evaluation.predictions import Predictions
from finetune.evaluation.summary import summarise
from finetune.model.backbones import CATALOGUE, find_backbone
from finetune.model.describe import describe
from finetune.progress import SILENT
from finetune.terminal import TerminalReporter, result_console
from strategies import STRATEGIES, make_strategy
from ui import present
from ui.advice import advice_view
from ui.health import backbone_channels, health_view
from ui.scores import summary_view
from ui.web.health_report import report_html


def shown(view: Any) -> str:
    """As a pipe would see it: no colours, no folding."""
    stream = io.StringIO()
    result_console(stream).print(view)
    return stream.getvalue()


def test_every_sample_and_backbone_is_listed() -> None:
    listed = shown(present.samples_table(SAMPLES))
    assert all(name in listed for name in SAMPLES)
    listed = shown(present.backbones_table((row, "in cache") for row in CATALOGUE.values()))
    assert all(name in listed for name in CATALOGUE)
    assert "11.7 M" in listed


def test_every_strategy_shows_its_card_and_its_options() -> None:
    cards = shown(present.strategy_cards(STRATEGIES))
    for name, kind in STRATEGIES.items():
        assert name in cards
        assert all(f"{option}=" in cards for option in kind.option_names())
    assert cards.count("Loses:") == 4


@pytest.mark.parametrize(
    ("n_train", "gain", "marked"),
    [
        (100, 0.9, "● freeze-all"),
        (100, 0.2, "● partial"),
        (9_000, 0.9, "● full-finetune"),
        (9_000, 0.0, "● from-scratch"),
    ],
)
def test_the_square_marks_the_one_cell_of_the_data(n_train: int, gain: float, marked: str) -> None:
    profile = DatasetProfile(n_train, 2, "ants", 30, TransferGain(gain, 0.9, 0.6, 80))
    text = shown(advice_view(advise(profile, where="photos", backbone="resnet18")))
    assert text.count("●") == 1
    assert marked in text
    assert f"strategy: {marked[2:]}" in text
    assert f"transfer gain {gain:.2f}" in text
    assert "! similarity was measured on only 80 images" in text


def test_a_health_report_shows_verdict_classes_splits_and_findings(tmp_path: Path) -> None:
    folder = draw_set(tmp_path, {"train/ants": 6, "train/[bold]bees": 3, "val/ants": 2, "val/[bold]bees": 2})
    (folder / "train" / "ants" / "broken.png").write_bytes(b"no image")
    text = shown(health_view(inspect_source(open_source(folder))))
    assert "13 readable images, can be trained on" in text
    assert "train/ is train (9)" in text
    assert "[bold]bees" in text  # a class name is no markup
    assert "broken.png" in text
    assert "█" in text


@pytest.mark.parametrize(
    ("counts", "whose", "times"),
    [
        ({"train/a": 9, "train/b": 3, "val/a": 2, "val/b": 20}, "the training images", "3.0 times"),
        ({"a": 9, "b": 3}, "all images", "3.0 times"),
        ({"a": 3, "b": 3}, "all images", "each class has equally many"),
    ],
)
def test_balance_and_channels_say_of_which_images_they_are(
    tmp_path: Path, counts: dict[str, int], whose: str, times: str
) -> None:
    report = inspect_source(open_source(draw_set(tmp_path, counts)))
    backbone = backbone_channels(find_backbone("resnet18"))
    page = report_html("set", report.to_json() | {"n_images": 6, "backbone": backbone})
    for text in (shown(health_view(report, backbone)), unescape(page)):
        assert times in text
        assert f"Of {whose} " in text
        assert f" of {whose}" in text.replace("\n", " ")
        assert "--strategy from-scratch the data's own" in " ".join(text.split())


def test_a_set_without_splits_says_that_they_will_be_cut(tmp_path: Path) -> None:
    folder = draw_set(tmp_path, {f"class{i:02}": 3 for i in range(present.MOST_CLASSES_SHOWN + 2)})
    text = shown(health_view(inspect_source(open_source(folder))))
    assert "splits: none given; train, val and test will be cut" in text
    assert "… and 2 more classes" in text


def test_the_stages_show_what_trains_and_its_share() -> None:
    rows = describe(find_backbone("resnet18"), make_strategy("partial"), n_classes=2)
    text = shown(present.stages_table(rows, strategy="partial"))
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "frozen" in lines["stem"]
    assert "training, statistics held" in lines["layer4"]
    assert lines["fc"].rstrip().endswith("training")
    assert "partial: 75.10 % of 11,177,538 parameters train" in text


def test_the_scores_show_intervals_and_each_class_s_recall() -> None:
    logits = np.log(np.array([[0.9, 0.1, 1e-9], [0.2, 0.8, 1e-9], [0.3, 0.7, 1e-9]], np.float32))
    said = Predictions(("a", "b", "c"), np.array([0, 0, 1]), logits, ("ants", "bees", "[wasps]"))
    text = shown(summary_view(summarise(said, UNCALIBRATED), said.class_names))
    assert "2 of 3 right: 66.7 % (95 % interval" in text
    lines = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert lines["ants"][:3] == ["2", "50.0", "%"]
    assert lines["bees"][:3] == ["1", "100.0", "%"]
    assert lines["[wasps]"][:2] == ["0", "–"]
    assert lines["accuracy"] == ["0.667", "(0.000", "to", "1.000)"]
    assert "calibration error 0." in text
    assert "temperature" not in text, "nothing was fitted"


GOOD = Prediction(Path("a.png"), (("[red]ants", 0.75), ("bees", 0.25)), "")
ALONE = Prediction(Path("b.png"), (("ants", 1.0),), "")
BAD = Prediction(Path("c.png"), (), "is truncated")


def test_one_prediction_is_one_line() -> None:
    assert present.prediction_line(GOOD) == "a.png: [red]ants 75.0 % (bees 25.0 %)"
    assert present.prediction_line(ALONE) == "b.png: ants 100.0 %"
    assert present.prediction_line(BAD) == "c.png: is truncated"


def test_many_predictions_are_a_table_with_bad_images_in_it() -> None:
    text = shown(present.predictions_table([GOOD, BAD]))
    assert "[red]ants" in text
    assert "bees 25.0 %" in text
    assert "is truncated" in text


def test_a_quiet_terminal_says_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet in (True, False):
        reporter = TerminalReporter(quiet=quiet)
        reporter.say("training [bold]now[/]")
        reporter.say("warning: little data")
        with reporter.track("counting") as advance:
            advance(1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("warning: little data") == 2
    assert err.count("training [bold]now[/]") == 1


def test_a_screen_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    reporter = TerminalReporter()
    reporter._console = Console(file=stream, force_terminal=True, width=100)
    with reporter.track("computing features") as advance:
        advance(1, 2)
        advance(2, 2)
    assert "computing features" in stream.getvalue()
    assert "2/2" in stream.getvalue()


def test_a_bar_shows_a_path_with_brackets_as_it_is() -> None:
    stream = io.StringIO()
    reporter = TerminalReporter()
    reporter._console = Console(file=stream, force_terminal=True, width=100)
    with reporter.track("writing out [red]set[/].npz") as advance:
        advance(1, 2)
    assert "writing out [red]set[/].npz" in stream.getvalue()


def test_silence_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    SILENT.say("anything")
    with SILENT.track("counting") as advance:
        advance(1, 2)
    assert capsys.readouterr() == ("", "")
