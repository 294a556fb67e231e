"""One image path for measuring, step by step as Pillow does it; training crops that depend on the seed alone."""

import dataclasses

import numpy as np
import pytest
import torch
from drawing import picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from finetune.data.transforms import CROP_RATIO, LONGEST_ASPECT, Preprocessing, TrainingTransform

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AT_64 = Preprocessing(64, MEAN, STD, "bicubic", 0.875)

sides = st.integers(1, 200)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.uint8)


def smooth(size: tuple[int, int]) -> Image.Image:
    """A gradient: a shift of the crop shows as another brightness, noise would hide it."""
    across = np.linspace(0, 255, size[0], dtype=np.float32)
    down = np.linspace(0, 255, size[1], dtype=np.float32)
    channels = [np.broadcast_to(across, size[::-1]), np.broadcast_to(down[:, None], size[::-1])]
    channels.append(255 - channels[0])
    return Image.fromarray(np.stack(channels, axis=2).astype(np.uint8))


@pytest.mark.parametrize(
    ("size", "resized"),
    [((96, 64), (110, 73)), ((64, 96), (73, 110)), ((50, 50), (73, 73)), ((9, 5), (131, 73))],
)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_the_path_is_pillow_s_resize_of_bytes_then_the_centre_then_the_statistics(
    size: tuple[int, int], resized: tuple[int, int], interpolation: str
) -> None:
    image = picture(3, size)
    preprocessing = dataclasses.replace(AT_64, interpolation=interpolation)
    kernel = Image.Resampling.BICUBIC if interpolation == "bicubic" else Image.Resampling.BILINEAR
    left, top = (resized[0] - 64) // 2, (resized[1] - 64) // 2
    cropped = image.resize(resized, kernel).crop((left, top, left + 64, top + 64))
    np.testing.assert_array_equal(pixels(preprocessing.resize_and_crop(image)), pixels(cropped))
    expected = (np.asarray(cropped, dtype=np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    np.testing.assert_allclose(preprocessing(image).numpy(), expected.transpose(2, 0, 1), atol=1e-6)


def test_an_image_of_the_very_size_is_only_normalised_when_nothing_is_cropped() -> None:
    image = picture(1, (64, 64))
    whole = dataclasses.replace(AT_64, crop=1.0)
    np.testing.assert_array_equal(pixels(whole.resize_and_crop(image)), pixels(image))


@given(sides, sides, st.sampled_from([0.875, 0.95, 1.0]))
def test_every_size_of_image_becomes_the_network_s_input(width: int, height: int, crop: float) -> None:
    preprocessing = dataclasses.replace(AT_64, crop=crop)
    tensor = preprocessing(Image.new("RGB", (width, height), (255, 0, 10)))
    assert tensor.shape == (3, 64, 64)
    assert tensor.dtype == torch.float32
    expected = (torch.tensor([1.0, 0.0, 10 / 255]) - torch.tensor(MEAN)) / torch.tensor(STD)
    assert torch.allclose(tensor, expected.view(3, 1, 1).expand(3, 64, 64), atol=1e-6)


@pytest.mark.parametrize("size", [(300, 100), (100, 300), (100, 100)])
def test_the_crop_is_the_centre(size: tuple[int, int]) -> None:
    centre = pixels(AT_64.resize_and_crop(smooth(size))).astype(float).mean(axis=(0, 1))
    np.testing.assert_allclose(centre, [127.5, 127.5, 127.5], atol=3)


@pytest.mark.parametrize(
    ("image_size", "crop", "resize_to"),
    [(224, 0.875, 256), (240, 0.882, 272), (64, 1.0, 64), (300, 0.904, 331), (96, 0.875, 109)],
)
def test_the_shorter_side_is_resized_so_that_the_crop_keeps_its_share(
    image_size: int, crop: float, resize_to: int
) -> None:
    assert Preprocessing(image_size, MEAN, STD, "bicubic", crop).resize_to == resize_to


@pytest.mark.parametrize("size", [(1, 100_000), (100_000, 1), (3, 5_000)])
def test_a_very_long_image_fills_no_memory_and_shows_its_middle(size: tuple[int, int]) -> None:
    assert max(size) / min(size) > LONGEST_ASPECT
    cropped = pixels(AT_64.resize_and_crop(smooth(size)))
    assert cropped.shape == (64, 64, 3)
    long_side = 0 if size[0] > size[1] else 1
    assert cropped[..., long_side].mean() == pytest.approx(127.5, abs=3)


def test_the_preprocessing_is_ready_for_json() -> None:
    assert AT_64.to_json() == {
        "image_size": 64,
        "mean": MEAN,
        "std": STD,
        "interpolation": "bicubic",
        "crop": 0.875,
        "resize_to": 73,
    }


def transform(augmentation: str, seed: int = 0) -> TrainingTransform:
    return TrainingTransform(AT_64, augmentation, seed)  # type: ignore[arg-type]


def test_without_augmentation_training_sees_what_measuring_sees() -> None:
    image = picture(5, (90, 60))
    assert torch.equal(transform("none")(image, epoch=3, index=9), AT_64(image))


keys = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 10_000), st.integers(0, 10**6))


@given(keys, keys)
def test_the_augmentation_depends_on_seed_epoch_and_index_alone(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    image = smooth((80, 60))

    def crop(key: tuple[int, int, int]) -> bytes:
        seed, epoch, index = key
        return transform("crop-flip", seed).augment(image, epoch=epoch, index=index).tobytes()

    first = crop(one)
    torch.manual_seed(99)
    crop(other)
    assert crop(one) == first


@pytest.mark.parametrize("changed", [{"seed": 1}, {"epoch": 1}, {"index": 1}])
def test_another_seed_epoch_or_index_is_another_crop(changed: dict[str, int]) -> None:
    image = smooth((80, 60))

    def crops(seed: int = 0, epoch: int = 0, index: int = 0) -> bytes:
        return transform("crop", seed).augment(image, epoch=epoch, index=index).tobytes()

    assert crops() != crops(**changed)


def test_augmenting_draws_nothing_from_torch_s_own_generator() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    transform("crop-flip").augment(picture(1), epoch=0, index=0)
    assert torch.equal(torch.rand(3), expected)


def is_mirrored(image: Image.Image) -> bool:
    """Of `smooth`: red falls from left to right instead of rising."""
    red = pixels(image)[..., 0].astype(float)
    return bool(red[:, 0].mean() > red[:, -1].mean())


def test_half_of_the_crops_are_mirrored_where_flips_are_asked_for_and_none_elsewhere() -> None:
    image = smooth((80, 60))
    for augmentation, low, high in (("crop", 0, 0), ("crop-flip", 70, 130)):
        mirrored = [
            is_mirrored(transform(augmentation).augment(image, epoch=0, index=index)) for index in range(200)
        ]
        assert low <= sum(mirrored) <= high


def test_the_crops_cover_at_least_half_of_the_area_at_mild_shapes() -> None:
    """A step of one pixel in the gradient is known, so the crop's size can be read from its corners."""
    image = smooth((256, 256))
    areas, shapes = [], []
    for index in range(100):
        crop = pixels(transform("crop").augment(image, epoch=0, index=index)).astype(float)
        width = (crop[:, -1, 0].mean() - crop[:, 0, 0].mean()) * 64 / 63 / 255
        height = (crop[-1, :, 1].mean() - crop[0, :, 1].mean()) * 64 / 63 / 255
        areas.append(width * height)
        shapes.append(width / height)
    assert 0.45 <= min(areas) < 0.6
    assert 0.9 < max(areas) <= 1.02
    assert CROP_RATIO[0] - 0.05 <= min(shapes) < 0.9
    assert 1.1 < max(shapes) <= CROP_RATIO[1] + 0.05
