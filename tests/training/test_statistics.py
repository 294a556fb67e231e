"""A network that starts from nothing gets the training images' own mean and standard deviation."""

from pathlib import Path

import numpy as np
import pytest
from drawing import picture, save
from PIL import Image

import finetune.training.statistics as statistics_module
from finetune.data.images import load_rgb
from finetune.data.sources import LabelledImage
from finetune.data.transforms import Preprocessing
from finetune.training.statistics import EPSILON, dataset_normalization

AT_32 = Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", 0.875)


def images_in(folder: Path, images: list[Image.Image]) -> list[LabelledImage]:
    paths = [save(image, folder / f"{rank}.png") for rank, image in enumerate(images)]
    return [LabelledImage(path, path.name, "a", None) for path in paths]


def test_mean_and_deviation_equal_numpy_s_over_all_pixels_of_all_images(tmp_path: Path) -> None:
    images = images_in(tmp_path, [picture(number, (40, 30)) for number in range(7)])
    found = dataset_normalization(images, AT_32, seed=0, workers=0)
    pixels = np.stack([np.asarray(AT_32.resize_and_crop(load_rgb(image.path))) for image in images]) / 255
    np.testing.assert_allclose(found.mean, pixels.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.std, pixels.std(axis=(0, 1, 2)), rtol=1e-5)
    assert (found.image_size, found.interpolation, found.crop) == (32, "bicubic", 0.875)


def test_normalised_by_them_the_images_have_mean_zero_and_deviation_one(tmp_path: Path) -> None:
    images = images_in(tmp_path, [picture(number) for number in range(5)])
    found = dataset_normalization(images, AT_32, seed=0, workers=0)
    inputs = np.stack([found(load_rgb(image.path)).numpy() for image in images])
    np.testing.assert_allclose(inputs.mean(axis=(0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(inputs.std(axis=(0, 2, 3)), 1, atol=1e-4)


def test_images_of_one_colour_divide_by_no_zero(tmp_path: Path) -> None:
    images = images_in(tmp_path, [Image.new("RGB", (20, 20), (255, 0, 51))] * 2)
    found = dataset_normalization(images, AT_32, seed=0, workers=0)
    np.testing.assert_allclose(found.mean, (1, 0, 0.2), atol=1e-6)
    assert all(EPSILON <= deviation < 1e-3 for deviation in found.std)
    assert np.isfinite(found(load_rgb(images[0].path)).numpy()).all()


def test_of_very_many_images_a_seeded_part_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics_module, "MOST_IMAGES", 3)
    images = images_in(tmp_path, [picture(number) for number in range(8)])
    first, again, other = (dataset_normalization(images, AT_32, seed=seed, workers=0) for seed in (0, 0, 1))
    assert first == again != other
