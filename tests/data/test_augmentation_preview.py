"""The sheet shows eight images a row: as they are, the policy, and each of its augmentations alone."""

from collections.abc import Sequence
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
    readable,
    rows_of,
    spread,
)
from finetune.data.images import load_rgb
from finetune.data.transforms import Preprocessing, TrainingTransform
from finetune.errors import DataError

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
    sheet = np.asarray(draw_sheet(paths, transform).picture)
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


def test_few_images_are_all_shown_and_many_at_equal_distances() -> None:
    assert spread(3, 8) == [0, 1, 2]
    assert spread(20, 8) == [0, 2, 5, 7, 10, 12, 15, 17]


def some(folder: Path, n_images: int, *, damaged: Sequence[int]) -> list[Path]:
    paths = [save(picture(number, (90, 80)), folder / f"{number}.png") for number in range(n_images)]
    for number in damaged:
        paths[number].write_bytes(paths[number].read_bytes()[:60])
    return paths


def test_an_image_that_cannot_be_read_gives_its_column_to_the_next_and_is_named(tmp_path: Path) -> None:
    paths = some(tmp_path, 20, damaged=[0, 5, 6, 17, 18, 19])
    shown, unreadable = readable(paths, N_IMAGES)
    assert [place for place, _ in shown] == [1, 2, 3, 7, 8, 10, 12, 15]
    assert [told.split()[0] for told in unreadable] == [str(paths[place]) for place in (0, 5, 6, 17, 18, 19)]
    for place, image in shown:
        assert image.tobytes() == load_rgb(paths[place]).tobytes()


def test_a_sheet_says_in_one_sentence_what_it_could_not_show(tmp_path: Path) -> None:
    transform = TrainingTransform(AT_64, "none", 0)
    assert draw_sheet(some(tmp_path / "all", 3, damaged=[]), transform).notes == ()
    few = some(tmp_path / "few", 3, damaged=[1])
    sheet = draw_sheet(few, transform)
    assert sheet.picture.width == TITLE_PX + 2 * (CELL_PX + GAP_PX)
    assert sheet.notes == (
        f"warning: {few[1]} is truncated: the end of the file is missing; left out of the sheet, "
        "and `finetune inspect` lists all that cannot be read",
    )
    (note,) = draw_sheet(some(tmp_path / "fewer", 4, damaged=[0, 2, 3]), transform).notes
    assert (
        "0.png is truncated: the end of the file is missing, and so are 2 others; left out of the sheet"
        in note
    )


@pytest.mark.parametrize("n_images", [0, 2])
def test_a_sheet_of_nothing_is_refused(tmp_path: Path, n_images: int) -> None:
    paths = some(tmp_path, n_images, damaged=range(n_images))
    with pytest.raises(DataError, match=f"none of the {n_images} images can be read: .*; check them with"):
        draw_sheet(paths, TrainingTransform(AT_64, "none", 0))
