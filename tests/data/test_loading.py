"""Batches come in an order that seed and epoch decide, the same from any number of processes."""

from itertools import islice
from pathlib import Path

import pytest
import torch
from drawing import draw_set, picture, save
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader

from finetune.data.images import load_rgb
from finetune.data.loading import (
    FEW_IMAGES,
    MOST_EPOCHS,
    BalancedSampler,
    EpochSampler,
    labelled_loader,
    measuring_loader,
    training_loader,
)
from finetune.data.transforms import Preprocessing, TrainingTransform
from finetune.errors import ImageError

AT_32 = Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.875)

# Python 3.12 and later warn of forking a process that has threads.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return sorted(draw_set(tmp_path_factory.mktemp("set"), {"a": 9}).rglob("*.png"))


def epochs(
    paths: list[Path], *, workers: int, n_epochs: int = 2, seed: int = 3
) -> list[tuple[Tensor, Tensor]]:
    """All batches of a few epochs, as a trainer would draw them."""
    transform = TrainingTransform(AT_32, "crop-flip", seed)
    loader = training_loader(paths, list(range(len(paths))), transform, batch_size=4, workers=workers)
    found = []
    for epoch in range(n_epochs):
        sampler = loader.sampler
        assert isinstance(sampler, EpochSampler)
        sampler.set_epoch(epoch)
        found += [(images, targets) for images, targets in loader]
    return found


@given(st.integers(1, 60), st.integers(0, 2**31 - 1), st.integers(0, 1000))
def test_each_epoch_shows_every_image_once(n_images: int, seed: int, epoch: int) -> None:
    sampler = EpochSampler(n_images, seed)
    sampler.set_epoch(epoch)
    drawn = list(sampler)
    assert {number for number, _ in drawn} == {epoch}
    assert sorted(index for _, index in drawn) == list(range(n_images))
    assert len(sampler) == n_images
    assert list(sampler) == drawn


def test_the_order_is_another_one_in_another_epoch_or_under_another_seed() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        sampler = EpochSampler(50, seed)
        sampler.set_epoch(epoch)
        return [index for _, index in sampler]

    orders = [order(seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(found) for found in orders}) == 4


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_loading_processes_changes_nothing(workers: int, paths: list[Path]) -> None:
    alone, together = epochs(paths, workers=0), epochs(paths, workers=workers)
    assert len(alone) == len(together) == 4
    for (images, targets), (same_images, same_targets) in zip(alone, together, strict=True):
        assert torch.equal(images, same_images)
        assert torch.equal(targets, same_targets)


def test_an_image_looks_different_in_another_epoch(paths: list[Path]) -> None:
    first, second = (
        {
            int(target): image
            for images, targets in half
            for image, target in zip(images, targets, strict=True)
        }
        for half in (epochs(paths, workers=0)[:2], epochs(paths, workers=0)[2:])
    )
    shared = first.keys() & second.keys()
    assert shared
    assert any(not torch.equal(first[target], second[target]) for target in shared)


@pytest.mark.parametrize(
    ("n_images", "sizes"), [(8, [4, 4]), (9, [4, 4]), (10, [4, 4, 2]), (1, [1]), (4, [4]), (5, [4])]
)
def test_a_last_batch_of_one_image_is_left_out_unless_it_is_the_only_one(
    n_images: int, sizes: list[int], paths: list[Path]
) -> None:
    some = list(islice(paths * 2, n_images))
    transform = TrainingTransform(AT_32, "crop", 0)
    loader = training_loader(some, [0] * n_images, transform, batch_size=4, workers=0)
    assert [len(images) for images, _ in loader] == sizes
    assert len(loader) == len(sizes)


def test_measuring_keeps_the_order_and_leaves_nothing_out(paths: list[Path]) -> None:
    batches = list(measuring_loader(paths, AT_32, batch_size=4, workers=0))
    assert [len(batch) for batch in batches] == [4, 4, 1]
    for image, path in zip(torch.cat(batches), paths, strict=True):
        assert torch.equal(image, AT_32(load_rgb(path)))


def test_labelled_images_take_the_measuring_path_in_order(paths: list[Path]) -> None:
    targets = [5, 4, 3, 2, 1, 0, 7, 8, 6]
    batches = list(labelled_loader(paths, targets, AT_32, batch_size=4, workers=0))
    assert torch.cat([labels for _, labels in batches]).tolist() == targets
    measured = torch.cat(list(measuring_loader(paths, AT_32, workers=0)))
    assert torch.equal(torch.cat([images for images, _ in batches]), measured)


def test_a_photograph_on_its_side_is_set_upright_before_it_is_cropped(tmp_path: Path) -> None:
    upright = picture(4, (48, 32))
    turned = upright.rotate(90, expand=True)
    exif = turned.getexif()
    exif[0x0112] = 6  # "rotate by 270 degrees to view"
    path = save(turned, tmp_path / "turned.png", exif=exif)
    (image,) = next(iter(measuring_loader([path], AT_32, workers=0)))
    assert torch.equal(image, AT_32(upright))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_breaks_while_training_is_named(paths: list[Path], tmp_path: Path, workers: int) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(paths[0].read_bytes()[:60])
    given, transform = [paths[0], broken], TrainingTransform(AT_32, "crop", 0)
    for loader in (
        measuring_loader(given, AT_32, workers=workers),
        training_loader(given, [0, 0], transform, batch_size=2, workers=workers),
    ):
        with pytest.raises(ImageError, match="is truncated: the end of the file is missing") as caught:
            list(loader)
        assert str(caught.value) == f"{broken} is truncated: the end of the file is missing"


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # it looks at the real cores
@pytest.mark.parametrize(
    ("n_images", "cores", "has_processes"),
    [(FEW_IMAGES - 1, 8, False), (FEW_IMAGES, 8, True), (FEW_IMAGES, 2, torch.cuda.is_available())],
)
def test_processes_load_only_where_there_are_images_and_cores_for_them(
    n_images: int, cores: int, has_processes: bool, paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    loader: DataLoader[Tensor] = measuring_loader(list(islice(paths * 20, n_images)), AT_32)
    assert (loader.num_workers > 0) == has_processes


SKEWED = [0] * 40 + [1] * 8 + [2] * 2


def drawn_in(epoch: int, *, targets: list[int] = SKEWED, seed: int = 5) -> list[tuple[int, int]]:
    sampler = BalancedSampler(targets, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_a_balanced_epoch_shows_each_class_alike_and_as_many_images_as_there_are() -> None:
    counts = torch.zeros(3)
    for epoch in range(200):
        drawn = drawn_in(epoch)
        assert len(drawn) == len(SKEWED) == len(BalancedSampler(SKEWED, 5))
        counts += torch.bincount(torch.tensor([SKEWED[index] for _, index in drawn]), minlength=3)
    # 10,000 draws: the standard deviation of a share is below 0.5 %.
    assert (counts / counts.sum() - 1 / 3).abs().max() < 0.02


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 1000))
def test_a_balanced_epoch_depends_on_seed_and_epoch_alone(targets: list[int], epoch: int) -> None:
    first = drawn_in(epoch, targets=targets)
    assert first == drawn_in(epoch, targets=targets)
    assert all(0 <= index < len(targets) for _, index in first)


def test_another_epoch_and_another_seed_draw_otherwise() -> None:
    draws = [drawn_in(0), drawn_in(1), drawn_in(0, seed=6)]
    assert len({tuple(index for _, index in drawn) for drawn in draws}) == 3


def test_an_image_drawn_again_in_an_epoch_gets_an_epoch_of_its_own() -> None:
    drawn = drawn_in(3)
    assert len(set(drawn)) == len(drawn)
    assert len({index for _, index in drawn}) < len(drawn)
    assert {epoch % MOST_EPOCHS for epoch, _ in drawn} == {3}


def test_a_balanced_epoch_is_the_same_from_any_number_of_processes(paths: list[Path]) -> None:
    targets = [0] * 7 + [1] * 2
    transform = TrainingTransform(AT_32, "crop-flip", 1)
    alone, together = (
        list(training_loader(paths, targets, transform, batch_size=4, workers=workers, balanced=True))
        for workers in (0, 2)
    )
    assert len(alone) == 2
    for (images, labels), (same_images, same_labels) in zip(alone, together, strict=True):
        assert torch.equal(images, same_images)
        assert torch.equal(labels, same_labels)
