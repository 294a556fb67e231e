"""The sheet shows eight images a row: as they are, the policy, and each of its augmentations alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from drawing import picture, save
from numpy.typing import NDArray
from PIL import Image, ImageFont

from finetune.data.augmentation.family import FAMILY, PER_IMAGE
from finetune.data.augmentation.mixing import mix_images
from finetune.data.augmentation.policies import POLICIES
from finetune.data.augmentation.preview import (
    AS_IT_IS,
    CELL_PX,
    FONT_PX,
    GAP_PX,
    N_IMAGES,
    N_VERSIONS,
    TITLE_PX,
    Strip,
    draw_sheet,
    readable,
    rows_of,
    spread,
)
from finetune.data.growth import Growth
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


MIXED = (("mixup", 0.2), ("cutmix", 1.0))


def test_what_mixes_images_has_rows_of_its_own_and_is_in_those_of_the_policy() -> None:
    titles = [row.title for row in rows_of(TrainingTransform(AT_64, "crop", 0), MIXED)]
    epochs = [f"crop, mixed, epoch {epoch}" for epoch in (1, 2, 3)]
    assert titles == [AS_IT_IS, *epochs, "crop 0.5", "mixup 0.2", "cutmix 1"]
    titles = [row.title for row in rows_of(TrainingTransform(AT_64, "none", 0), MIXED[:1])]
    assert titles == [AS_IT_IS, "mixed, epoch 1", "mixed, epoch 2", "mixed, epoch 3", "mixup 0.2"]
    titles = [row.title for row in rows_of(TrainingTransform(AT_64, "none", 0, switches=(("hflip", 1.0),)))]
    assert titles == [AS_IT_IS, "chosen, epoch 1", "chosen, epoch 2", "chosen, epoch 3"]


def test_every_title_has_room_beside_the_images() -> None:
    everything = tuple((name, FAMILY[name].most) for name in PER_IMAGE if name != "rand_augment")
    rows = rows_of(TrainingTransform(AT_64, "strong", 0, switches=everything), MIXED)
    rows += rows_of(TrainingTransform(AT_64, "crop-flip", 0), MIXED)
    font = ImageFont.load_default(FONT_PX)
    assert max(font.getlength(row.title) for row in rows) + 2 * GAP_PX <= TITLE_PX


def strip_of(n_images: int, size: tuple[int, int] = (90, 80)) -> Strip:
    return Strip([(number, picture(number, size)) for number in range(n_images)])


def array(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image, dtype=np.float64)


def test_mixup_blends_each_column_with_the_one_to_its_left_by_one_share() -> None:
    strip, rows = strip_of(5), rows_of(TrainingTransform(AT_64, "none", 0), MIXED[:1])
    plain, mixed = (list(map(array, row.draw(strip))) for row in (rows[0], rows[-1]))
    found = []
    for column, image in enumerate(mixed):
        own, other = plain[column], plain[column - 1]
        share = float(((image - other) * (own - other)).sum() / ((own - other) ** 2).sum())
        assert np.abs(share * own + (1 - share) * other - image).max() <= 1
        found.append(share)
    assert max(found) - min(found) < 0.01
    assert 0.25 <= np.mean(found) <= 0.75


def test_cutmix_pastes_a_box_of_the_column_to_the_left() -> None:
    strip, rows = strip_of(5), rows_of(TrainingTransform(AT_64, "none", 0), MIXED[1:])
    plain, mixed = (list(map(array, row.draw(strip))) for row in (rows[0], rows[-1]))
    for column, image in enumerate(mixed):
        from_own, from_other = ((image == plain[place]).all(axis=2) for place in (column, column - 1))
        assert (from_own | from_other).all()
        assert 0.2 <= from_own.mean() <= 0.9


def test_the_policy_s_rows_are_what_training_draws_and_mixes() -> None:
    strip, transform = strip_of(4), TrainingTransform(AT_64, "medium", 3)
    alone = [row.draw(strip) for row in rows_of(transform)[1 : 1 + N_VERSIONS]]
    for epoch, row in enumerate(alone):
        assert row == [
            transform.augment(picture(place, (90, 80)), epoch=epoch, index=place) for place in range(4)
        ]
    for epoch, row in enumerate(rows_of(transform, MIXED)[1 : 1 + N_VERSIONS]):
        assert row.draw(strip) == mix_images(alone[epoch], MIXED, 3 + epoch)[0]


def test_drawing_a_sheet_leaves_what_training_draws_next_as_it_was(tmp_path: Path) -> None:
    paths = [save(picture(number), tmp_path / f"{number}.png") for number in range(3)]
    transform = TrainingTransform(AT_64, "strong", 0)
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    draw_sheet(paths, transform, MIXED)
    assert torch.rand(4).equal(expected)


def test_one_image_alone_has_nobody_to_be_mixed_with(tmp_path: Path) -> None:
    path = save(picture(0), tmp_path / "0.png")
    sheet = np.asarray(draw_sheet([path], TrainingTransform(AT_64, "none", 0), MIXED).picture)
    rows = sheet[:, TITLE_PX:].reshape(6, CELL_PX + GAP_PX, -1)
    assert all(np.array_equal(row, rows[0]) for row in rows)


def test_a_part_is_shown_where_it_changes_the_image_and_at_the_full_size() -> None:
    strip, growth = strip_of(8), Growth(32, 64, 8)
    hflip = TrainingTransform(AT_64, "light", 0, growth=growth)
    (row,) = (row for row in rows_of(hflip) if row.title == "hflip")
    plain = rows_of(hflip)[0].draw(strip)
    assert row.draw(strip) == [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in plain]
    assert {image.size for row in rows_of(hflip) for image in row.draw(strip)} == {(64, 64)}


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
