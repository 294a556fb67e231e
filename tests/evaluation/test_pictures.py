"""The pictures of a run are drawn, not blank, for few and many classes and odd names."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finetune.evaluation.history import MetricsRow
from finetune.evaluation.pictures import draw_confusion, draw_curves, draw_regularisation


def ink(path: Path) -> float:
    """The share of pixels that are not white, of a picture that decodes in full."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    assert min(pixels.shape[:2]) > 300
    return float((pixels < 250).any(axis=2).mean())


def confusion(n_classes: int, *, seed: int = 0) -> np.ndarray:
    counts = np.random.default_rng(seed).integers(0, 9, (n_classes, n_classes))
    return counts + np.diag(np.full(n_classes, 50))


def rows(n_epochs: int) -> list[MetricsRow]:
    return [
        MetricsRow(epoch, 1 / epoch if epoch else None, 2 / (epoch + 1), epoch / 50, epoch / 50, 1e-3, epoch)
        for epoch in range(n_epochs + 1)
    ]


@pytest.mark.parametrize("n_classes", [2, 10, 100])
def test_the_confusion_is_drawn_for_few_and_many_classes(n_classes: int, tmp_path: Path) -> None:
    path = tmp_path / "confusion.png"
    draw_confusion(confusion(n_classes), [f"class {k}" for k in range(n_classes)], "title", path)
    assert 0.01 < ink(path) < 0.9


def test_the_confusion_of_other_counts_is_another_picture(tmp_path: Path) -> None:
    for seed in (0, 1):
        draw_confusion(confusion(3, seed=seed), ["a", "b", "c"], "title", tmp_path / f"{seed}.png")
    assert (tmp_path / "0.png").read_bytes() != (tmp_path / "1.png").read_bytes()


def test_long_names_that_differ_at_their_end_are_told_apart(tmp_path: Path) -> None:
    for end in "xy":
        names = [f"a_class_with_a_long_name_{number:02}{end}" for number in range(3)]
        draw_confusion(confusion(3), names, "title", tmp_path / f"{end}.png")
    assert (tmp_path / "x.png").read_bytes() != (tmp_path / "y.png").read_bytes()


@pytest.mark.parametrize(
    "names", [["a" * 200, "b"], ["größe", "花"], ["a\nb", "$x^2$"], ["", " "], ["$", "a_b%"]]
)
def test_odd_class_names_do_not_stop_the_drawing(names: list[str], tmp_path: Path) -> None:
    draw_confusion(confusion(2), names, "50.0 % of 100 test images right", tmp_path / "confusion.png")
    assert ink(tmp_path / "confusion.png") > 0.01


def test_a_class_without_images_is_an_empty_row(tmp_path: Path) -> None:
    counts = np.array([[3, 1], [0, 0]])
    draw_confusion(counts, ["a", "b"], "title", tmp_path / "confusion.png")
    assert ink(tmp_path / "confusion.png") > 0.01


@pytest.mark.parametrize("n_epochs", [0, 1, 30])
def test_the_curves_are_drawn_for_any_number_of_epochs(n_epochs: int, tmp_path: Path) -> None:
    draw_curves(rows(n_epochs), tmp_path / "curves.png")
    assert 0.005 < ink(tmp_path / "curves.png") < 0.5


def test_a_run_that_diverged_still_has_its_curves(tmp_path: Path) -> None:
    nan = float("nan")
    draw_curves([*rows(2), MetricsRow(3, nan, nan, 0.3, nan, 1e-3, 3)], tmp_path / "curves.png")
    assert ink(tmp_path / "curves.png") > 0.005


@pytest.mark.parametrize("points", [[], [(1e-4, 0.7)], [(10.0**k, abs(k + 1) / 3) for k in range(-4, 2)]])
def test_the_strengths_tried_are_drawn(points: list[tuple[float, float]], tmp_path: Path) -> None:
    draw_regularisation(points, 0.01, tmp_path / "curves.png")
    assert ink(tmp_path / "curves.png") > 0.005
