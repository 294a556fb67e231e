"""Predictions: one row an image in the order given, bad images included."""

from pathlib import Path

import numpy as np
import pytest
from drawing import draw_set, picture, save
from small_bundle import CLASS_NAMES, small_bundle

from finetune.bundle.bundle import Bundle
from finetune.bundle.predict import BATCH_SIZE, predict
from finetune.data.images import load_rgb
from finetune.evaluation.metrics import softmax


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("run") / "bundle")


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


def test_paths_may_be_text(bundle: Bundle, tmp_path: Path) -> None:
    path = save(picture(1), tmp_path / "a.png")
    assert list(predict(bundle, [str(path)])) == list(predict(bundle, [path]))


def test_no_images_are_no_rows(bundle: Bundle) -> None:
    assert list(predict(bundle, [])) == []


def test_equal_probabilities_are_ranked_in_the_order_of_the_classes(bundle: Bundle, tmp_path: Path) -> None:
    from finetune.bundle.answers import _top

    assert [CLASS_NAMES[index] for index, _ in _top(np.array([0.25, 0.5, 0.25]), 3)] == [
        "bees",
        "ants",
        "größe, 10 cm",
    ]
