"""The sheet shows eight images a row: as they are, the policy, and each of its augmentations alone."""

from pathlib import Path

import numpy as np
import pytest
from drawing import picture, save

from finetune.data.augmentation.policies import POLICIES
from finetune.data.augmentation.preview import (
    AS_IT_IS,
    CELL_PX,
    GAP_PX,
    N_IMAGES,
    N_VERSIONS,
    TITLE_PX,
    draw_sheet,
    rows_of,
    spread,
)
from finetune.data.transforms import Preprocessing, TrainingTransform
from finetune.errors import ImageError

AT_64 = Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.95)


def test_the_rows_are_the_policy_and_each_of_its_parts_alone() -> None:
    rows = rows_of(TrainingTransform(AT_64, "medium", 0, switches=(("hflip", 0.0), ("blur", 0.02))))
    titles = [row.title for row in rows]
    assert titles[: 1 + N_VERSIONS] == [AS_IT_IS, "medium, epoch 1", "medium, epoch 2", "medium, epoch 3"]
    parts = [name for name in POLICIES["medium"] if name != "hflip"]
    assert [title.split()[0] for title in titles[1 + N_VERSIONS :]] == [*parts, "blur"]
    assert all(list(row.transform.strengths) == [row.title.split()[0]] for row in rows[1 + N_VERSIONS :])


def test_a_policy_of_one_part_or_of_none_is_not_shown_twice() -> None:
    assert len(rows_of(TrainingTransform(AT_64, "crop", 0))) == 1 + N_VERSIONS
    assert [row.title for row in rows_of(TrainingTransform(AT_64, "none", 0))] == [AS_IT_IS]


def test_the_sheet_holds_a_row_of_eight_images_for_each_and_every_part_shows(tmp_path: Path) -> None:
    paths = [save(picture(number, (90, 80)), tmp_path / f"{number}.png") for number in range(11)]
    transform = TrainingTransform(AT_64, "strong", 0, switches=(("vflip", 1.0),))
    sheet = np.asarray(draw_sheet(paths, transform))
    cell, n_rows = CELL_PX + GAP_PX, len(rows_of(transform))
    assert sheet.shape == (n_rows * cell, TITLE_PX + N_IMAGES * cell, 3)
    cells = [
        [
            sheet[row * cell : row * cell + CELL_PX, left : left + CELL_PX].tobytes()
            for left in range(TITLE_PX, sheet.shape[1], cell)
        ]
        for row in range(n_rows)
    ]
    assert all(shown != plain for row in cells[1:] for shown, plain in zip(row, cells[0], strict=True))
    assert len({shown for row in cells for shown in row}) == n_rows * N_IMAGES


def test_what_cannot_be_read_is_left_out_of_the_sheet(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_text("<html>")
    sound = save(picture(1, (90, 80)), tmp_path / "sound.png")
    transform = TrainingTransform(AT_64, "none", 0)
    assert draw_sheet([broken, sound], transform).width == TITLE_PX + CELL_PX + GAP_PX
    with pytest.raises(ImageError, match=r"broken\.png is not an image but a text"):
        draw_sheet([broken], transform)


def test_few_images_are_all_shown_and_many_at_equal_distances(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(20)]
    assert spread(paths[:3], 8) == list(enumerate(paths[:3]))
    assert [place for place, _ in spread(paths, 8)] == [0, 2, 5, 7, 10, 12, 15, 17]
