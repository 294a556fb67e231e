"""Images that were decoded once are given back to the bit, to every process, as far as there is room."""

import errno
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from drawing import picture, save
from PIL import Image
from torch import Tensor

from finetune.data.images import load_rgb
from finetune.data.kept_pixels import KeptPixels, shrunk_pixels
from finetune.data.loading import EpochSampler, TrainingDataset, labelled_loader, training_loader
from finetune.data.transforms import Augmentation, Preprocessing, TrainingTransform

# Python 3.12 and later warn of forking a process that has threads.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

AT_32 = Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.875)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photographs and drawings of all shapes, smaller and larger than the network's input."""
    folder = tmp_path_factory.mktemp("images")
    sizes = [(400, 300), (30, 20), (41, 180), (900, 60), (40, 40), (41, 41), (333, 97), (97, 333)]
    endings = ["jpg", "png"] * len(sizes)
    return [
        save(picture(number, size), folder / f"{number}.{ending}")
        for number, (size, ending) in enumerate(zip(sizes, endings, strict=False))
    ]


def test_an_image_comes_back_to_the_bit_and_none_where_none_was_put() -> None:
    kept = KeptPixels([12, 50 * 40, 9])
    image = picture(1, (50, 40))
    kept.put(1, image)
    found = kept.get(1)
    assert found is not None
    np.testing.assert_array_equal(found, np.asarray(image))
    assert kept.get(0) is None
    assert kept.get(2) is None


def test_an_image_larger_than_its_room_is_not_kept_and_harms_no_other() -> None:
    kept = KeptPixels([12, 12])
    kept.put(1, Image.new("RGB", (4, 3), (1, 2, 3)))
    kept.put(0, Image.new("RGB", (4, 4), (9, 9, 9)))
    assert kept.get(0) is None
    found = kept.get(1)
    assert found is not None
    assert (found == (1, 2, 3)).all()


def test_no_room_and_a_full_disk_keep_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.data.kept_pixels.SHARE_OF_FREE_DISK", 0.0)
    without_room = KeptPixels([12])
    without_room.put(0, Image.new("RGB", (4, 3)))
    assert without_room.get(0) is None
    monkeypatch.undo()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = KeptPixels([12, 12])
    kept.put(0, Image.new("RGB", (4, 3)))
    monkeypatch.setattr(os, "pwrite", full)
    kept.put(1, Image.new("RGB", (4, 3)))
    assert kept.get(0) is not None
    assert kept.get(1) is None


def test_a_copy_for_a_process_that_is_not_forked_begins_empty() -> None:
    kept = KeptPixels([12])
    kept.put(0, Image.new("RGB", (4, 3)))
    copy = pickle.loads(pickle.dumps(kept))
    copy.put(0, Image.new("RGB", (4, 3)))
    assert copy.get(0) is None


@pytest.mark.parametrize("enough_px", [16, 40, 64, 500])
def test_every_shrunk_image_fits_into_its_room(paths: list[Path], enough_px: int) -> None:
    transform = TrainingTransform(
        Preprocessing(round(enough_px / 1.25), AT_32.mean, AT_32.std, "bilinear", 0.875), "crop", 0
    )
    assert transform.enough_px is not None
    for path in paths:
        shrunk = transform.shrink(load_rgb(path, enough_px=transform.enough_px))
        assert shrunk.width * shrunk.height <= shrunk_pixels(path, transform.enough_px), path


def test_a_file_that_is_no_image_gets_no_room(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no image")
    assert shrunk_pixels(tmp_path / "a.jpg", 32) == 0


def batches(
    paths: list[Path], augmentation: Augmentation, *, keep: bool, workers: int = 0, n_epochs: int = 3
) -> list[Tensor]:
    transform = TrainingTransform(AT_32, augmentation, 3)
    targets = list(range(len(paths)))
    loader = training_loader(paths, targets, transform, batch_size=3, workers=workers, keep=keep)
    found = []
    for epoch in range(n_epochs):
        assert isinstance(loader.sampler, EpochSampler)
        loader.sampler.set_epoch(epoch)
        found += [images for images, _ in loader]
    return found


@pytest.mark.parametrize("augmentation", ["none", "crop-flip"])
@pytest.mark.parametrize("workers", [0, 2])
def test_keeping_changes_no_bit_of_any_epoch(
    paths: list[Path], augmentation: Augmentation, workers: int
) -> None:
    plain = batches(paths, augmentation, keep=False)
    kept = batches(paths, augmentation, keep=True, workers=workers)
    assert len(plain) == len(kept) == 9
    assert all(torch.equal(one, other) for one, other in zip(plain, kept, strict=True))


def test_later_epochs_decode_nothing_even_in_other_processes(paths: list[Path], tmp_path: Path) -> None:
    copies = [path.rename(tmp_path / path.name) and tmp_path / path.name for path in paths]
    try:
        loader = labelled_loader(copies, [0] * len(copies), AT_32, batch_size=2, workers=2, keep=True)
        first = [images for images, _ in loader]
        contents = [path.read_bytes() for path in copies]
        for path in copies:
            path.write_bytes(b"")
        assert all(torch.equal(a, b) for a, (b, _) in zip(first, loader, strict=True))
        for path, content in zip(copies, contents, strict=True):
            path.write_bytes(content)
    finally:
        for copy, path in zip(copies, paths, strict=True):
            copy.rename(path)


def test_an_image_that_is_small_already_is_cropped_from_its_own_pixels(paths: list[Path]) -> None:
    transform = TrainingTransform(AT_32, "crop", 0)
    assert transform.enough_px == 40
    for path in paths:
        image = load_rgb(path)
        if min(image.size) <= 40 and max(image.size) < 300:
            assert transform.shrink(image).tobytes() == image.tobytes()


def test_a_batch_is_what_its_images_are_one_by_one(paths: list[Path]) -> None:
    transform = TrainingTransform(AT_32, "crop-flip", 5)
    dataset = TrainingDataset(paths, list(range(len(paths))), transform)
    keys = [(epoch, index) for epoch in (0, 7) for index in range(len(paths))]
    images, targets = dataset.__getitems__(keys)
    assert images.is_contiguous(memory_format=torch.channels_last)
    for key, image, target in zip(keys, images, targets.tolist(), strict=True):
        decoded = load_rgb(paths[key[1]], enough_px=transform.enough_px)
        assert torch.equal(image, transform(decoded, epoch=key[0], index=key[1]))
        assert target == key[1] == dataset[key][1]
