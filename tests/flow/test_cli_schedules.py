"""`finetune schedules` shows the four curves, as numbers or as a picture, and refuses what cannot be."""

import math
from pathlib import Path

import numpy as np
import pytest
from conftest import Finetune
from PIL import Image

from finetune.evaluation.pictures import BLUE, GREEN, GREY, ORANGE

NAMES = ("step", "cosine", "linear", "inverse-sqrt")


def test_the_numbers_are_those_of_the_formulas(finetune: Finetune) -> None:
    answer = finetune("schedules", "--epochs", 90, "--warmup-epochs", 0, "--step-epochs", 30, "--json")
    assert answer.code == 0
    found = answer.json
    assert found["epoch"] == list(range(91))
    assert found["plot"] is None
    for t in range(91):
        assert found["step"][t] == pytest.approx(0.1 ** (t // 30), rel=1e-12)
        assert found["cosine"][t] == pytest.approx(0.5 * (1 + math.cos(t * math.pi / 90)), abs=1e-12)
        assert found["linear"][t] == pytest.approx(1 - t / 90, abs=1e-12)
        assert found["inverse-sqrt"][t] == pytest.approx(math.sqrt(1 / max(100 * t, 1)), rel=1e-12)


def test_with_a_warm_up_all_meet_at_the_peak(finetune: Finetune) -> None:
    found = finetune("schedules", "--epochs", 20, "--warmup-epochs", 4, "--gamma", 0.5, "--json").json
    assert {found[name][4] for name in NAMES} == {1}
    assert [found[name][2] for name in NAMES] == pytest.approx([0.5] * 4, abs=0.01)
    assert found["step"][7] == 0.5


def test_without_a_picture_it_prints_a_short_table(finetune: Finetune) -> None:
    answer = finetune("schedules", "--epochs", 9999)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split() == ["epoch", *NAMES]
    assert lines[-1].split()[0] == "9999"
    assert len(lines) <= 23


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_picture_is_drawn(finetune: Finetune, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"curves{suffix}"
    answer = finetune("schedules", "--plot", path)
    assert answer.code == 0
    assert answer.out == f"the four schedules are drawn in {path}\n"
    assert path.stat().st_size > 5_000


def test_each_curve_of_the_picture_has_a_colour_of_its_own(finetune: Finetune, tmp_path: Path) -> None:
    path = tmp_path / "curves.png"
    assert finetune("schedules", "--plot", path, "--json").json["plot"] == str(path)
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    for colour in (BLUE, ORANGE, GREEN, GREY):
        wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        assert (pixels == wanted).all(axis=1).sum() > 50, colour


def test_a_picture_that_cannot_be_written_is_one_sentence(finetune: Finetune, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "out.png"
    answer = finetune("schedules", "--plot", path)
    assert answer.code == 5
    assert answer.error == (f"error: No such file or directory: {path}; free some space or check the path")
    assert answer.out == ""


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--plot", "out.txt"), "--plot out.txt names no picture; end it in .png, .svg, .pdf"),
        (("--epochs", 0), "--epochs is 0: input should be greater than or equal to 1"),
        (
            ("--epochs", 10, "--warmup-epochs", 11),
            "--warmup-epochs 11 is longer than training, --epochs 10; make it shorter",
        ),
        (("--gamma", 1), "--gamma is 1.0: input should be less than 1"),
        (
            ("--epochs", 10, "--step-epochs", 11),
            "--step-epochs 11 is longer than training, --epochs 10, so the rate never drops; make it shorter, or "
            "use --schedule constant",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(
    finetune: Finetune, options: tuple[object, ...], sentence: str
) -> None:
    answer = finetune("schedules", *options)
    assert answer.code == 2
    assert answer.error == f"error: {sentence}"
