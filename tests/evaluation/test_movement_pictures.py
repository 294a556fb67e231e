"""What moved is drawn for any number of groups and epochs, and what is frozen is told by more than a colour."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from test_pictures import ink

from finetune.evaluation import movement_pictures
from finetune.evaluation.averaging import Averaging
from finetune.evaluation.interpolation import Interpolation, InterpolationRow, draw_interpolation
from finetune.evaluation.movement import GroupEpoch, GroupMovement, Movement
from finetune.evaluation.movement_pictures import draw_movement
from finetune.evaluation.scores import Scores


def movement(
    n_groups: int, n_epochs: int, *, frozen: int = 0, norm: float = 0.5, change: float | None = 0.1
) -> Movement:
    groups, epochs = [], []
    for number in range(n_groups):
        is_frozen, name = number < frozen, f"blocks.{number}"
        groups.append(
            GroupMovement(name, is_frozen, 10, 0.0 if is_frozen else change, False, 1e-3, norm, norm)
        )
        epochs += [
            GroupEpoch(epoch, name, 0.0, 0.0, 0.0)
            if is_frozen
            else GroupEpoch(epoch, name, 1e-3 / epoch, norm / epoch, norm)
            for epoch in range(1, n_epochs + 1)
        ]
    return Movement("epoch 1", tuple(groups), tuple(epochs))


@pytest.mark.parametrize(
    "drawn",
    [
        movement(2, 1),
        movement(14, 30, frozen=5),
        movement(45, 3),
        movement(3, 200, frozen=3),
        movement(3, 0),
        movement(3, 2, norm=float("nan"), change=float("nan")),
        movement(3, 2, norm=float("inf"), change=None),
        movement(3, 2, norm=0.0, change=0.0),
    ],
)
def test_what_moved_is_drawn(drawn: Movement, tmp_path: Path) -> None:
    draw_movement(drawn, tmp_path / "what_moved.png")
    assert ink(tmp_path / "what_moved.png") > 0.005


def labels_of(drawn: Movement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words below the three parts of the picture."""
    figures: list[Figure] = []
    monkeypatch.setattr(movement_pictures, "save_figure", lambda figure, _path: figures.append(figure))
    draw_movement(drawn, tmp_path / "a.png")
    return [axes.get_xlabel() for axes in figures[0].axes if axes.get_xlabel()]


def test_a_picture_whose_kept_weights_are_the_start_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = dataclasses.replace(movement(3, 2, change=0.0), kept="the start")
    change, gradient, rate = labels_of(still, tmp_path, monkeypatch)
    assert change.endswith("kept: the start, before the first epoch")
    assert gradient == rate == "epoch (trained, not kept)"
    change, gradient, rate = labels_of(movement(3, 2), tmp_path, monkeypatch)
    assert change.endswith("kept: epoch 1")
    assert gradient == rate == "epoch"


def test_a_frozen_group_is_hatched_where_a_still_one_is_blank(tmp_path: Path) -> None:
    """Seen in grey: its row has many edges, and that of a group that only did not move has none."""
    edges = {}
    for frozen in (0, 1):
        draw_movement(movement(2, 3, frozen=frozen, norm=0.0, change=0.0), tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as image:
            grey = np.asarray(image.convert("L")).astype(int)
        upper = grey[60 : grey.shape[0] // 2 - 20, 100:-20]
        edges[frozen] = float((np.abs(np.diff(upper, axis=1)) > 20).mean())
    assert edges[1] > 5 * edges[0]


def test_the_line_between_two_networks_is_drawn(tmp_path: Path) -> None:
    for accuracies in ([0.5] * 5, [0.2, 0.9, 0.95, 0.9, 0.2], [0.5, *[float("nan")] * 4]):
        rows = (InterpolationRow(number / 4, 1.0, share, share) for number, share in enumerate(accuracies))
        draw_interpolation(Interpolation(tuple(rows)), tmp_path / "wise_ft.png")
        assert ink(tmp_path / "wise_ft.png") > 0.005


MEAN, ALONE = Scores(0.1, 0.912, 0.9121), Scores(0.2, 0.909, 0.9091)


@pytest.mark.parametrize(
    ("averaging", "sentence", "kept"),
    [
        (
            Averaging("average_last", True, MEAN, 7, ALONE, epochs=(6, 7, 8)),
            "averaging: the mean of the weights after epochs 6 to 8 gets 91.2 % of val right, "
            "epoch 7 alone 90.9 %: the mean is kept",
            "the mean of epochs 6 to 8",
        ),
        (
            Averaging("average_last", False, ALONE, 0, MEAN, epochs=(5, 8)),
            "averaging: the mean of the weights after epochs 5 and 8 gets 90.9 % of val right, "
            "the start alone 91.2 %: the start is kept",
            "the start",
        ),
        (
            Averaging("ema", True, MEAN, 4, MEAN, decay=0.99),
            "averaging: the moving average (decay 0.99) after epoch 4 is kept, 91.2 % of val right",
            "epoch 4",
        ),
        (
            Averaging("ema", False, ALONE, 0, ALONE, decay=0.99),
            "averaging: no moving average did better than the start (90.9 % of val right), which is kept",
            "the start",
        ),
    ],
)
def test_averaging_says_what_was_compared_and_what_is_kept(
    averaging: Averaging, sentence: str, kept: str
) -> None:
    assert (averaging.sentence(), averaging.kept) == (sentence, kept)
    told = averaging.to_json()
    assert (told["kind"], told["used"]) == (averaging.kind, averaging.used)
    assert told["val_score"] == averaging.scores.val_score
