"""Transfer gain: worked out by hand, measured on real pictures, and drawn from a fair choice of images."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from drawing import picture, save
from hypothesis import given
from hypothesis import strategies as st

from finetune.advice.similarity import (
    LEAST_PER_CLASS,
    MOST_IMAGES,
    TransferGain,
    choose_images,
    measure_transfer_gain,
    probe_accuracy,
    transfer_gain,
)
from finetune.data.sources import LabelledImage
from finetune.errors import DataError
from finetune.model.backbones import find_backbone
from finetune.model.weights import WeightsRecord, locate_weights

shares = st.floats(0, 1)


def images_of(counts: dict[str, int]) -> list[LabelledImage]:
    return [
        LabelledImage(Path(f"/set/{label}/{i}.png"), f"{label}/{i}.png", label, None)
        for label, count in counts.items()
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("pretrained", "random", "gain"),
    [
        (0.9, 0.6, 0.75),  # (0.9 - 0.6) / 0.4
        (0.95, 0.5, 0.9),
        (0.6, 0.6, 0.0),
        (0.5, 0.6, -0.25),
        (1.0, 0.3, 1.0),
        (0.0, 0.5, -1.0),
        (0.0, 0.9, -1.0),  # -9 without the floor
        (1.0, 1.0, 1.0),
        (0.99, 1.0, -1.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_the_gain_is_the_share_of_what_random_features_leave_over(
    pretrained: float, random: float, gain: float
) -> None:
    assert transfer_gain(pretrained, random) == pytest.approx(gain)


@given(shares, shares)
def test_the_gain_lies_between_minus_one_and_one_and_its_sign_says_which_is_better(
    pretrained: float, random: float
) -> None:
    gain = transfer_gain(pretrained, random)
    assert -1 <= gain <= 1
    if random < 1:
        assert np.sign(gain) in (np.sign(pretrained - random), 0)


@given(shares, shares, st.floats(0, 0.99))
def test_better_pretrained_features_never_lower_the_gain(one: float, other: float, random: float) -> None:
    low, high = sorted((one, other))
    assert transfer_gain(low, random) <= transfer_gain(high, random)


counts_of_classes = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 30), min_size=1)
seeds = st.integers(0, 2**31)


@given(counts_of_classes, seeds, st.integers(16, 200))
def test_the_chosen_images_are_different_ones_of_the_set_and_not_too_many(
    counts: dict[str, int], seed: int, most: int
) -> None:
    images = images_of(counts)
    chosen = choose_images(images, seed=seed, most=most)
    assert len({image.name for image in chosen}) == len(chosen) <= most
    assert set(chosen) <= set(images)


@given(counts_of_classes, seeds, st.integers(16, 200))
def test_classes_are_chosen_in_equal_shares_as_far_as_they_go(
    counts: dict[str, int], seed: int, most: int
) -> None:
    chosen = Counter(image.label for image in choose_images(images_of(counts), seed=seed, most=most))
    assert all(counts[label] > 1 for label in chosen)
    largest = max(chosen.values(), default=0)
    for label, count in chosen.items():
        assert count in (counts[label], largest, largest - 1)
        assert count >= min(2, most // max(1, len(chosen)))


@given(counts_of_classes, seeds)
def test_the_same_seed_chooses_the_same_images_in_the_same_order(counts: dict[str, int], seed: int) -> None:
    images = images_of(counts)
    assert choose_images(images, seed=seed) == choose_images(images, seed=seed)


def test_of_very_many_classes_only_as_many_are_drawn_as_leave_enough_images_for_each() -> None:
    chosen = choose_images(images_of({f"class{i}": 20 for i in range(500)}), seed=0)
    counts = Counter(image.label for image in chosen)
    assert len(chosen) == MOST_IMAGES
    assert set(counts.values()) == {LEAST_PER_CLASS}


def test_two_seeds_choose_different_images() -> None:
    images = images_of({"a": 600, "b": 600})
    assert choose_images(images, seed=0) != choose_images(images, seed=1)


def test_features_that_tell_the_classes_apart_are_probed_as_perfect() -> None:
    generator = np.random.default_rng(0)
    labels = np.array(["ants", "bees", "wasps"] * 20)
    centres = {label: 10 * generator.normal(size=8) for label in ("ants", "bees", "wasps")}
    features = np.array([centres[label] for label in labels]) + generator.normal(size=(60, 8))
    assert probe_accuracy(features.astype(np.float32), labels) == 1


def test_features_that_tell_nothing_are_probed_as_chance() -> None:
    generator = np.random.default_rng(0)
    labels = np.array(["ants", "bees"] * 100)
    features = generator.normal(size=(200, 16)).astype(np.float32)
    assert 0.35 < probe_accuracy(features, labels) < 0.65


def test_a_class_of_two_images_is_still_probed() -> None:
    generator = np.random.default_rng(0)
    labels = np.array(["ants"] * 10 + ["bees"] * 2)
    features = generator.normal(size=(12, 4)).astype(np.float32)
    features[:10] += 9
    assert probe_accuracy(features, labels) == 1


@pytest.fixture
def tiny_weights() -> WeightsRecord:
    """Real trained weights: those of the package."""
    return locate_weights(find_backbone("tf_efficientnet_lite0"), "packaged", offline=True)


def draw(folder: Path, n_each: int) -> list[LabelledImage]:
    found = []
    for rank, label in enumerate(("ants", "bees")):
        for i in range(n_each):
            path = save(picture(2 * i + rank), folder / label / f"{i}.png")
            found.append(LabelledImage(path, f"{label}/{i}.png", label, None))
    return found


def test_the_gain_is_measured_on_real_files_and_repeats(tmp_path: Path, tiny_weights: WeightsRecord) -> None:
    images = draw(tmp_path, 3)
    seen: list[tuple[int, int]] = []
    backbone = find_backbone("tf_efficientnet_lite0")
    first, again = (
        measure_transfer_gain(
            images, backbone, tiny_weights, seed=0, workers=0, progress=lambda done, n: seen.append((done, n))
        )
        for _ in range(2)
    )
    assert first == again
    assert first.n_images == 6
    assert first.value == transfer_gain(first.accuracy_pretrained, first.accuracy_random)
    assert isinstance(first, TransferGain)
    assert seen == [(6, 12), (12, 12)] * 2


@pytest.mark.parametrize("counts", [{"ants": 9}, {"ants": 9, "bees": 1}, {"ants": 1, "bees": 1}, {}])
def test_one_class_cannot_be_measured(counts: dict[str, int], tiny_weights: WeightsRecord) -> None:
    with pytest.raises(
        DataError, match="similarity needs 2 classes with at least 2 training images each; add"
    ):
        measure_transfer_gain(images_of(counts), find_backbone("tf_efficientnet_lite0"), tiny_weights, seed=0)
