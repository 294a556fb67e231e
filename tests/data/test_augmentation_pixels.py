"""Each augmentation keeps shape and bytes, does what its name says, and repeats by seed, epoch and index alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from drawing import picture, save
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from finetune.data.augmentation.compose import steps_of
from finetune.data.augmentation.family import FAMILY, PER_IMAGE
from finetune.data.augmentation.policies import POLICIES, PolicyName, strengths_of
from finetune.data.growth import Growth
from finetune.data.loading import EpochSampler, training_loader
from finetune.data.transforms import Preprocessing, TrainingTransform

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AT_48 = Preprocessing(48, MEAN, STD, "bilinear", 1.0)
N_DRAWS = 400

sides = st.integers(1, 120)
keys = st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 10_000), st.integers(0, 2**63 - 1))
names = st.sampled_from(PER_IMAGE)
policies = st.sampled_from(list(POLICIES))


def transform_of(
    policy: PolicyName = "none",
    *,
    side: int = 48,
    seed: int = 0,
    growth: Growth | None = None,
    **switches: float,
) -> TrainingTransform:
    prepared = Preprocessing(side, MEAN, STD, "bilinear", 1.0)
    return TrainingTransform(prepared, policy, seed, growth, tuple(switches.items()))


def strong(name: str) -> float:
    """A strength that shows: all of a switch, half of a range."""
    row = FAMILY[name]
    return 1 if row.kind == "switch" else float(int(row.most / 2)) if row.kind == "whole" else row.most / 2


def pixels(image: Image.Image) -> NDArray[np.int64]:
    return np.asarray(image, dtype=np.int64)


def photo(side: int = 48) -> Image.Image:
    """Smooth colours, brighter to the right and redder downwards: any change of form or colour shows."""
    across = np.linspace(20, 230, side)[None, :].repeat(side, 0)
    down = np.linspace(40, 200, side)[:, None].repeat(side, 1)
    return Image.fromarray(np.stack([down, across, (across + down) / 2], axis=2).round().astype(np.uint8))


def draws(
    transform: TrainingTransform, image: Image.Image, n_draws: int = N_DRAWS
) -> list[NDArray[np.int64]]:
    return [pixels(transform.augment(image, epoch=0, index=index)) for index in range(n_draws)]


@given(names, sides, sides, st.integers(16, 64), st.floats(0.01, 1), keys)
def test_every_size_of_image_becomes_a_square_of_bytes(
    name: str, width: int, height: int, side: int, share: float, key: tuple[int, int, int]
) -> None:
    most = FAMILY[name].most
    strength = most if FAMILY[name].kind == "switch" else max(share * most, 1 if most > 1 else 0)
    seed, epoch, index = key
    transform = transform_of(side=side, seed=seed, **{name: strength})
    image = transform.augment(picture(index % 7, (width, height)), epoch=epoch, index=index)
    assert (image.mode, image.size) == ("RGB", (side, side))
    tensor = transform(picture(1, (width, height)), epoch=epoch, index=index)
    assert (tensor.shape, tensor.dtype) == ((3, side, side), torch.float32)
    low = (0 - torch.tensor(MEAN)) / torch.tensor(STD)
    high = (1 - torch.tensor(MEAN)) / torch.tensor(STD)
    assert (tensor >= low.view(3, 1, 1) - 1e-6).all()
    assert (tensor <= high.view(3, 1, 1) + 1e-6).all()


@given(names, policies, sides, sides, keys)
def test_a_strength_of_nothing_changes_nothing(
    name: str, policy: PolicyName, width: int, height: int, key: tuple[int, int, int]
) -> None:
    seed, epoch, index = key
    image = picture(3, (width, height))
    plain = transform_of(seed=seed).augment(image, epoch=epoch, index=index)
    assert plain == AT_48.resize_and_crop(image)
    assert transform_of(seed=seed, **{name: 0}).augment(image, epoch=epoch, index=index) == plain
    all_off = dict.fromkeys(PER_IMAGE, 0.0)
    assert transform_of(policy, seed=seed, **all_off).augment(image, epoch=epoch, index=index) == plain


@pytest.mark.parametrize("name", PER_IMAGE)
def test_each_augmentation_changes_pixels_and_not_always_alike(name: str) -> None:
    image = photo()
    plain = pixels(transform_of().augment(image, epoch=0, index=0))
    varied = draws(transform_of(**{name: strong(name)}), image, 40)
    assert any(not np.array_equal(plain, other) for other in varied)
    assert len({other.tobytes() for other in varied}) > (1 if FAMILY[name].name in ("hflip", "vflip") else 10)


@given(policies, names, keys, keys)
@settings(max_examples=40)
def test_the_pixels_depend_on_seed_epoch_and_index_alone(
    policy: PolicyName, name: str, one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    image = picture(2, (60, 50))

    def varied(key: tuple[int, int, int]) -> bytes:
        seed, epoch, index = key
        return (
            transform_of(policy, seed=seed, **{name: strong(name)})
            .augment(image, epoch=epoch, index=index)
            .tobytes()
        )

    first = varied(one)
    torch.manual_seed(other[0])
    varied(other)
    assert varied(one) == first


@pytest.mark.parametrize("changed", [{"seed": 1}, {"epoch": 1}, {"index": 1}])
def test_another_seed_epoch_or_index_is_another_image(changed: dict[str, int]) -> None:
    def varied(seed: int = 0, epoch: int = 0, index: int = 0) -> Image.Image:
        transform = transform_of(seed=seed, noise=0.1, rotation=30)
        return transform.augment(photo(), epoch=epoch, index=index)

    assert varied() != varied(**changed)


def test_nothing_is_drawn_from_torch_s_own_generator_even_by_the_strongest() -> None:
    everything = {name: strong(name) for name in PER_IMAGE}
    torch.manual_seed(5)
    expected, n_threads = torch.rand(3), torch.get_num_threads()
    torch.manual_seed(5)
    transform_of("strong", **everything).augment(photo(), epoch=0, index=0)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == n_threads


def test_threads_that_augment_at_once_get_what_one_gets() -> None:
    transform = transform_of("strong", trivial_augment=1)
    image = photo(80)

    def varied(index: int) -> bytes:
        return transform.augment(image, epoch=1, index=index).tobytes()

    expected = [varied(index) for index in range(60)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(varied, range(60))) == expected


@pytest.mark.parametrize("name", [*PER_IMAGE, "strong"])
def test_the_number_of_threads_changes_no_bit(name: str) -> None:
    """At this side torch would share one image among threads."""
    transform = (
        transform_of("strong", side=256)
        if name == "strong"
        else transform_of(side=256, **{name: strong(name)})
    )
    image, before, found = picture(4, (300, 280)), torch.get_num_threads(), []
    try:
        for n_threads in (1, 4):
            torch.set_num_threads(n_threads)
            found.append([transform.augment(image, epoch=0, index=index).tobytes() for index in range(6)])
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


def batches(
    paths: list[Path], transform: TrainingTransform, *, workers: int, keep: bool
) -> list[torch.Tensor]:
    loader = training_loader(paths, [0] * len(paths), transform, batch_size=4, workers=workers, keep=keep)
    found = []
    for epoch in range(2):
        assert isinstance(loader.sampler, EpochSampler)
        loader.sampler.set_epoch(epoch)
        found += [images for images, _ in loader]
    return found


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("growth", [None, Growth(32, 48, 2)])
def test_the_number_of_loader_processes_and_kept_images_change_no_bit(
    tmp_path: Path, workers: int, growth: Growth | None
) -> None:
    paths = [save(picture(number, (90, 70)), tmp_path / f"{number}.png") for number in range(10)]
    transform = transform_of("strong", growth=growth, rand_augment=9)
    plain = batches(paths, transform, workers=0, keep=False)
    other = batches(paths, transform, workers=workers, keep=True)
    assert len(plain) == len(other) == 6
    assert all(torch.equal(one, two) for one, two in zip(plain, other, strict=True))


FLIPS: list[tuple[str, Callable[[NDArray[np.int64]], NDArray[np.int64]]]] = [
    ("hflip", lambda rows: rows[:, ::-1]),
    ("vflip", lambda rows: rows[::-1]),
]


@pytest.mark.parametrize(("name", "flipped"), FLIPS)
def test_a_flip_is_exact_is_its_own_inverse_and_meets_half_of_the_images(
    name: str, flipped: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> None:
    plain = pixels(photo())
    found = draws(transform_of(**{name: 1}), photo())
    is_flipped = [np.array_equal(one, flipped(plain)) for one in found]
    assert all(done or np.array_equal(one, plain) for one, done in zip(found, is_flipped, strict=True))
    # Five standard deviations of a binomial with p = 1/2: never by chance.
    assert abs(sum(is_flipped) - N_DRAWS / 2) < 5 * np.sqrt(N_DRAWS / 4)
    again = transform_of(**{name: 1})
    twice = [
        pixels(again.augment(Image.fromarray(one.astype(np.uint8)), epoch=0, index=index))
        for index, one in enumerate(found)
    ]
    assert all(np.array_equal(one, plain) for one in twice)


def test_flips_of_both_kinds_are_drawn_apart() -> None:
    plain, found = pixels(photo()), draws(transform_of(hflip=1, vflip=1), photo())
    versions = [plain, plain[:, ::-1], plain[::-1], plain[::-1, ::-1]]
    counts = [sum(np.array_equal(one, version) for one in found) for version in versions]
    assert sum(counts) == N_DRAWS
    assert min(counts) > N_DRAWS / 4 - 5 * np.sqrt(N_DRAWS * 3 / 16)


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_random_erasing_meets_its_share_of_images_and_fills_with_the_mean(share: float) -> None:
    plain, fill = pixels(photo()), np.round(255 * np.array(MEAN)).astype(int)
    found = draws(transform_of(erasing=share), photo())
    changed = [one for one in found if not np.array_equal(one, plain)]
    assert abs(len(changed) - share * N_DRAWS) <= 5 * np.sqrt(N_DRAWS * share * (1 - share))
    for one in changed:
        gone = (one != plain).any(axis=2)
        assert (one[gone] == fill).all()
        assert gone.mean() <= 0.25


def test_brightness_multiplies_by_one_plus_or_minus_its_strength() -> None:
    grey = Image.new("RGB", (48, 48), (100, 100, 100))
    means = [one.mean() for one in draws(transform_of(brightness=0.3), grey)]
    assert 69 <= min(means) < 75
    assert 125 < max(means) <= 130.5
    assert np.mean(means) == pytest.approx(100, abs=4)


def test_contrast_and_saturation_leave_a_grey_image_and_hue_one_without_colour() -> None:
    grey = Image.new("RGB", (48, 48), (100, 100, 100))
    for name in ("contrast", "saturation", "hue"):
        assert all((abs(one - 100) <= 1).all() for one in draws(transform_of(**{name: 0.4}), grey, 20))


def test_noise_has_the_standard_deviation_that_was_asked() -> None:
    grey = Image.new("RGB", (48, 48), (128, 128, 128))
    found = np.stack(draws(transform_of(noise=0.05), grey, 20))
    assert found.mean() == pytest.approx(128, abs=0.7)
    # torchvision cuts noise to whole levels towards zero: half a level is lost.
    assert 0.05 * 255 - 0.6 < found.std() < 0.05 * 255


def test_a_blur_keeps_the_mean_and_takes_detail_away_from_half_of_the_images() -> None:
    sharp = picture(5, (48, 48))
    plain, found = pixels(sharp), draws(transform_of(blur=0.05), sharp, 100)
    changed = [one for one in found if not np.array_equal(one, plain)]
    assert 25 < len(changed) < 75
    assert all(one.std() <= plain.std() for one in changed)
    assert all(abs(one.mean() - plain.mean()) < 4 for one in changed)


def test_a_rotation_turns_by_up_to_its_angle_to_either_side() -> None:
    """A line along the middle row, whose slope is read back from where it crosses two columns."""
    line = np.zeros((96, 96, 3), np.uint8)
    line[46:50] = 255
    angles = []
    for one in draws(transform_of(side=96, rotation=20), Image.fromarray(line), 100):
        bright = one.sum(axis=2).astype(float)
        bright[bright < 500] = 0
        rows = [np.average(np.arange(96), weights=bright[:, column] + 1e-9) for column in (28, 68)]
        angles.append(np.degrees(np.arctan2(rows[1] - rows[0], 40)))
    assert -20.5 <= min(angles) < -14
    assert 14 < max(angles) <= 20.5


@pytest.mark.parametrize(("name", "value"), [("trivial_augment", 1.0), ("rand_augment", 9.0)])
def test_operations_that_are_drawn_turn_unless_rotation_is_switched_off(name: str, value: float) -> None:
    for switches, turns in (({name: value}, True), ({name: value, "rotation": 0.0}, False)):
        steps = steps_of(strengths_of("none", switches), 48, MEAN)
        assert steps.on_image is not None
        (drawn,) = steps.on_image.transforms
        assert ("Rotate" in drawn._AUGMENTATION_SPACE) == turns
        assert len(drawn._AUGMENTATION_SPACE) == 14 - (not turns)


@pytest.mark.parametrize("name", ["scale", "rotation", "translate", "shear", "perspective", "strong"])
def test_no_corner_is_left_empty_by_the_strengths_of_the_policies(name: str) -> None:
    """An image is mirrored beyond its edges: a white one stays white."""
    own = {"scale": 0.3, "translate": 0.2}.get(name, POLICIES["strong"].get(name, 0))
    colour = dict.fromkeys([row.name for row in FAMILY.values() if row.group == "colour"], 0.0)
    transform = transform_of("strong", **colour) if name == "strong" else transform_of(**{name: own})
    white = Image.new("RGB", (60, 48), (255, 255, 255))
    assert all((one == 255).all() for one in draws(transform, white, 100))
