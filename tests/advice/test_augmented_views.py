"""Augmentation measured through a real network on files: which views it sees, and what they do to the classes."""

from pathlib import Path

import numpy as np
import pytest
from drawing import picture, save
from PIL import Image

from finetune.advice.augmentation_probe import TRIED
from finetune.advice.augmented_views import MOST_IMAGES, N_VIEWS, probe_augmentation, view_features
from finetune.advice.measure import Measuring
from finetune.data.images import load_rgb
from finetune.data.sources import LabelledImage
from finetune.data.transforms import Preprocessing, TrainingTransform
from finetune.errors import DataError
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.features import extract_features
from finetune.model.layers import layer_groups
from finetune.model.weights import locate_weights

LITE0 = find_backbone("tf_efficientnet_lite0")
AT_64 = Preprocessing(64, LITE0.mean, LITE0.std, LITE0.interpolation, LITE0.crop)
N_IMAGES = 24


@pytest.fixture(scope="module")
def measuring() -> Measuring:
    return Measuring(LITE0, locate_weights(LITE0, "packaged", offline=True), seed=0, workers=0)


def wedge(number: int, *, mirrored: bool) -> Image.Image:
    """A grey ramp that rises to the right, or mirrored to the left, with noise of its own."""
    random = np.random.default_rng(number)
    ramp = np.linspace(30, 220, 64)[None, :, None] + random.normal(0, 12, (64, 64, 3))
    image = Image.fromarray(ramp.clip(0, 255).astype(np.uint8))
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image


def wedges(folder: Path, names: tuple[str, str]) -> list[LabelledImage]:
    found = []
    for number in range(N_IMAGES):
        label = names[number % 2]
        path = save(wedge(number, mirrored=bool(number % 2)), folder / label / f"{number}.png")
        found.append(LabelledImage(path, f"{label}/{number}.png", label, None))
    return found


def test_the_views_are_those_of_training_and_the_first_is_the_image_as_it_is(
    tmp_path: Path, measuring: Measuring
) -> None:
    images = [
        LabelledImage(save(picture(number), tmp_path / f"{number}.png"), f"{number}.png", "ants", None)
        for number in range(3)
    ]
    transforms = [TrainingTransform(AT_64, "light", 7), TrainingTransform(AT_64, "strong", 7)]
    seen: list[tuple[int, int]] = []
    found = view_features(images, measuring, transforms, progress=lambda *done: seen.append(done))
    assert seen[-1] == (15, 15)
    inputs = []
    for index, image in enumerate(images):
        rgb = load_rgb(image.path)
        inputs.append(AT_64(rgb))
        inputs += [t(rgb, epoch=view, index=index) for t in transforms for view in range(N_VIEWS)]
    model = build(LITE0, n_classes=2, weights=measuring.weights, seed=0, image_size=64)
    expected = extract_features(
        model, layer_groups(model), [each[None] for each in inputs], with_stages=True
    ).pooled()
    assert found.shape == (3, 1 + 2 * N_VIEWS, expected.shape[1])
    np.testing.assert_allclose(found.reshape(15, -1), expected, atol=1e-3)


def test_a_flip_that_swaps_the_classes_is_seen_and_left_out_where_the_names_tell(
    tmp_path: Path, measuring: Measuring
) -> None:
    names = ("plain", "other"), ("left", "right")
    unwarned, warned = (
        probe_augmentation(wedges(tmp_path / pair[0], pair), measuring, class_names=pair) for pair in names
    )
    assert [score.policy for score in unwarned.scores] == ["none", *TRIED]
    assert unwarned.n_images == N_IMAGES
    assert unwarned.scores[0].accuracy == 1
    assert (unwarned.best, unwarned.advised) == ("none", "none")
    assert not unwarned.keeps_upright
    assert warned.keeps_upright
    assert unwarned.of("light").accuracy < warned.of("light").accuracy


def test_the_same_images_and_seed_give_the_same_answer(tmp_path: Path, measuring: Measuring) -> None:
    images = wedges(tmp_path, ("a cat", "a dog"))[:8]
    seen: list[tuple[int, int]] = []
    first, again = (
        probe_augmentation(
            images, measuring, class_names=("a cat", "a dog"), progress=lambda *done: seen.append(done)
        )
        for _ in range(2)
    )
    assert first == again
    assert seen[-1] == (8 * 7, 8 * 7)


def test_the_cost_is_bounded() -> None:
    assert MOST_IMAGES * (1 + N_VIEWS * len(TRIED)) <= 1_800


@pytest.mark.parametrize("labels", [("ants",) * 4, ("ants", "bees")])
def test_one_class_cannot_be_compared(labels: tuple[str, ...], measuring: Measuring) -> None:
    images = [
        LabelledImage(Path(f"/{number}.png"), f"{number}.png", label, None)
        for number, label in enumerate(labels)
    ]
    with pytest.raises(
        DataError, match="the augmentation probe needs 2 classes with at least 2 training images"
    ):
        probe_augmentation(images, measuring, class_names=labels)
