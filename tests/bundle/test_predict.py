"""Predictions: one row an image in the order given, bad images included, and a CSV with the promised columns."""

import csv
import io
import os
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_set, picture, save
from networks import network

from finetune.bundle.bundle import Bundle, load_bundle, write_bundle
from finetune.bundle.predict import (
    BATCH_SIZE,
    Prediction,
    find_images,
    predict,
    refuse_unwritable,
    save_csv,
    write_csv,
)
from finetune.data.images import load_rgb
from finetune.data.transforms import Preprocessing
from finetune.errors import DataError, ResourceError
from finetune.evaluation.metrics import softmax
from finetune.model.backbones import find_backbone

CLASS_NAMES = ("ants", "bees", "größe, 10 cm")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("run") / "bundle"
    write_bundle(
        folder,
        network(),
        backbone=find_backbone("test_resnet"),
        class_names=CLASS_NAMES,
        preprocessing=Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.95),
    )
    return load_bundle(folder)


def test_each_image_gets_the_probabilities_of_its_own_logits_best_first(
    bundle: Bundle, tmp_path: Path
) -> None:
    paths = sorted(draw_set(tmp_path, {"x": 3}).rglob("*.png"))
    for path, prediction in zip(paths, predict(bundle, paths, top=3), strict=True):
        logits = bundle.logits(bundle.preprocessing(load_rgb(path)).unsqueeze(0)).numpy()
        expected = dict(zip(CLASS_NAMES, softmax(logits)[0], strict=True))
        assert prediction.path == path
        assert dict(prediction.top) == pytest.approx(expected, abs=1e-5)
        shares = [share for _, share in prediction.top]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1)
        assert (prediction.label, prediction.probability) == prediction.top[0]
        assert prediction.error == ""


@pytest.mark.parametrize(("top", "shown"), [(1, 1), (2, 2), (3, 3), (50, 3)])
def test_no_more_labels_are_shown_than_asked_for_or_known(
    top: int, shown: int, bundle: Bundle, tmp_path: Path
) -> None:
    (prediction,) = predict(bundle, [save(picture(1), tmp_path / "a.png")], top=top)
    assert len(prediction.top) == shown


def test_a_bad_image_is_a_row_that_says_why_and_the_others_are_answered(
    bundle: Bundle, tmp_path: Path
) -> None:
    good, other = save(picture(1), tmp_path / "good.png"), save(picture(2), tmp_path / "other.png")
    page, gone = tmp_path / "page.jpg", tmp_path / "gone.png"
    page.write_text("<html>not found</html>")
    found = list(predict(bundle, [good, page, gone, other]))
    assert [bool(prediction.error) for prediction in found] == [False, True, True, False]
    assert found[1].error == "is not an image but a text such as a web page"
    assert (found[1].label, found[1].probability, found[1].top) == ("", None, ())
    alone = list(predict(bundle, [good, other]))
    assert [found[0].label, found[3].label] == [prediction.label for prediction in alone]


def test_only_bad_images_are_only_errors(bundle: Bundle, tmp_path: Path) -> None:
    page = tmp_path / "page.jpg"
    page.write_text("<html>")
    assert all(prediction.error for prediction in predict(bundle, [page, page]))


def test_more_images_than_a_batch_come_back_in_order_with_progress(bundle: Bundle, tmp_path: Path) -> None:
    paths = sorted(draw_set(tmp_path, {"x": BATCH_SIZE + 3}).rglob("*.png"))
    seen: list[tuple[int, int]] = []
    found = list(predict(bundle, paths, advance=lambda done, total: seen.append((done, total))))
    assert [prediction.path for prediction in found] == paths
    assert seen == [(BATCH_SIZE, len(paths)), (len(paths), len(paths))]
    (last,) = predict(bundle, paths[-1:])
    assert last.top[0][1] == pytest.approx(found[-1].top[0][1], abs=1e-5)


def test_no_images_are_no_rows(bundle: Bundle) -> None:
    assert list(predict(bundle, [])) == []


def test_folders_are_searched_and_files_taken_as_given(tmp_path: Path) -> None:
    root = draw_set(tmp_path / "set", {"b": 2, "a/deep": 1})
    odd = tmp_path / "no-ending"
    odd.write_bytes(b"")
    found = find_images([odd, root, odd])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "no-ending",
        "set/a/deep/0.png",
        "set/b/0.png",
        "set/b/1.png",
        "no-ending",
    ]


def test_what_is_hidden_no_image_or_a_folder_with_an_image_s_name_is_passed_over(tmp_path: Path) -> None:
    save(picture(1), tmp_path / "a.PNG")
    save(picture(2), tmp_path / ".thumbnails" / "a.png")
    save(picture(3), tmp_path / ".hidden.png")
    save(picture(4), tmp_path / "folder.jpg" / "b.jpeg")
    (tmp_path / "notes.txt").write_text("")
    found = [path.relative_to(tmp_path).as_posix() for path in find_images([tmp_path])]
    assert sorted(found) == ["a.PNG", "folder.jpg/b.jpeg"]


def test_images_in_a_hidden_folder_that_was_named_are_found(tmp_path: Path) -> None:
    save(picture(1), tmp_path / ".cache" / "a.png")
    assert len(find_images([tmp_path / ".cache"])) == 1


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such image or folder: .*gone\.png; check the path"):
        find_images([tmp_path, tmp_path / "gone.png"])


def test_folders_without_images_are_named(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=r"no images in .*one, .*two; give image files or folders of them"):
        find_images(iter([tmp_path / "one", tmp_path / "two"]))


ROWS = [
    Prediction(Path("a b.png"), (("größe, 10 cm", 0.75), ("ants", 0.25)), ""),
    Prediction(Path("bad.png"), (), "is truncated"),
]


def test_the_csv_has_the_promised_columns_and_a_row_an_image() -> None:
    stream = io.StringIO()
    write_csv(stream, ROWS, top=2)
    assert list(csv.reader(io.StringIO(stream.getvalue()))) == [
        [
            "path",
            "label",
            "probability",
            "error",
            "top1_label",
            "top1_probability",
            "top2_label",
            "top2_probability",
        ],
        ["a b.png", "größe, 10 cm", "0.750000", "", "größe, 10 cm", "0.750000", "ants", "0.250000"],
        ["bad.png", "", "", "is truncated", "", "", "", ""],
    ]


def test_the_csv_is_read_back_from_a_file_whatever_the_names(bundle: Bundle, tmp_path: Path) -> None:
    odd = os.fsdecode(b"odd-\xff.png")
    rows = [
        Prediction(Path(name), (("ants", 1.0),), "") for name in ("zwei\nzeilen.png", '"quoted".png', odd)
    ]
    save_csv(tmp_path / "out.csv", rows, top=1)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as stream:
        read = list(csv.DictReader(stream))
    assert [row["path"] for row in read] == ["zwei\nzeilen.png", '"quoted".png', "odd-\\udcff.png"]


def test_a_csv_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "out.csv")
    with pytest.raises(ResourceError, match=r"--out .* is a folder; name a CSV file in it"):
        refuse_unwritable(tmp_path)
    with pytest.raises(ResourceError, match=r"no folder .*nowhere for --out .*out\.csv; make it first"):
        refuse_unwritable(tmp_path / "nowhere" / "out.csv")


def test_equal_probabilities_are_ranked_in_the_order_of_the_classes(bundle: Bundle, tmp_path: Path) -> None:
    from finetune.bundle.answers import _top

    assert [CLASS_NAMES[index] for index, _ in _top(np.array([0.25, 0.5, 0.25]), 3)] == [
        "bees",
        "ants",
        "größe, 10 cm",
    ]
