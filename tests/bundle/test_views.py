"""Several views of one image: which, what they show, and whether they helped, judged on the same images."""

import numpy as np
import pytest
import torch
from drawing import picture
from PIL import Image, ImageOps

from finetune.bundle.views import PLAIN, Views, compare_views, views_for
from finetune.data.transforms import Preprocessing

AT_32 = Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.875)
NAMES = ("as it is", "mirrored", "wider", "closer")


def test_the_views_of_names_that_allow_to_mirror_and_of_digits() -> None:
    assert views_for(["cat", "dog"], AT_32) == Views(NAMES)
    found = views_for(["6", "9"], AT_32)
    assert found.names == ("as it is", "wider", "closer")
    assert "no mirrored view: the class names '6', '9' are digits" in found.why_not
    whole = Preprocessing(32, AT_32.mean, AT_32.std, "bilinear", 1.0)
    assert views_for(["cat", "dog"], whole).names == ("as it is", "mirrored", "closer")


@pytest.mark.parametrize("size", [(64, 48), (1, 1), (40, 900)])
def test_the_first_view_is_the_image_as_ever_and_the_mirrored_one_its_mirror(size: tuple[int, int]) -> None:
    image = picture(3, size)
    views = Views(NAMES).of(image, AT_32)
    assert views.shape == (4, 3, 32, 32)
    assert torch.equal(views[0], AT_32(image))
    assert torch.equal(views[1], AT_32(ImageOps.mirror(image)))
    assert torch.equal(PLAIN.of(image, AT_32)[0], views[0])


def test_wider_shows_more_and_closer_less() -> None:
    ramp = np.tile(np.linspace(0, 255, 200)[None, :, None], (100, 1, 3)).astype(np.uint8)
    spread = [float(view.max() - view.min()) for view in Views(NAMES).of(Image.fromarray(ramp), AT_32)]
    assert spread[2] > spread[0] > spread[3]


def test_views_that_repair_answers_helped_and_noise_cannot_be_told_apart() -> None:
    generator = np.random.default_rng(0)
    targets = np.arange(300) % 3
    right = np.eye(3)[targets]
    plain = np.where(np.arange(300)[:, None] % 5 == 0, np.roll(right, 1, axis=1), right) * 0.4 + 0.2
    good = right * 0.7 + 0.1
    alike = np.clip(plain + generator.normal(0, 0.001, plain.shape), 0.01, 1)
    alike /= alike.sum(axis=1, keepdims=True)
    found = compare_views(Views(NAMES[:3]), np.stack([plain, good, alike]), targets)
    assert [way.verdict for way in found.ways[:3]] == ["", "helped", "cannot be told apart"]
    best = found.ways[1]
    assert best.paired is not None
    assert best.paired.difference == pytest.approx(0.2)
    assert best.metrics.accuracy == 1
    assert found.ways[-1].views == NAMES[:3]
    worse = compare_views(
        Views(NAMES[:2]), np.stack([good, np.roll(right, 1, axis=1) * 0.9 + 1 / 30]), targets
    )
    assert worse.ways[-1].verdict == "harmed"
    assert len(worse.ways) == 2


def test_a_single_image_tells_nothing() -> None:
    found = compare_views(Views(NAMES[:2]), np.full((2, 1, 3), 1 / 3), np.array([1]))
    assert found.ways[1].verdict == "cannot be told apart"
