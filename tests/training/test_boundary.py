"""Activations at the freeze line: what the frozen part gives, whenever, wherever and however often it is asked."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from drawing import draw_set
from networks import N_CLASSES, make_tuner, network
from torch import Tensor

from finetune.cache.place import stores_folder
from finetune.data.images import load_rgb
from finetune.data.loading import EpochSampler, TrainingDataset, labelled_loader, training_loader
from finetune.data.transforms import Augmentation, Preprocessing, TrainingTransform
from finetune.model.freezing import apply_plan
from finetune.model.halves import Halves, split_at_freeze_line
from finetune.model.layers import layer_groups
from finetune.model.precision import Concrete
from finetune.training.boundary import Boundary, BoundaryDataset
from strategies import make_strategy

AT_32 = Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.875)
N_IMAGES = 21


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return sorted(draw_set(tmp_path_factory.mktemp("set"), {"a": N_IMAGES}).rglob("*.png"))


@pytest.fixture(scope="module")
def halves() -> Halves:
    model = network().to(memory_format=torch.channels_last)
    grouping = layer_groups(model)
    apply_plan(model, grouping, make_strategy("partial").plan(grouping.groups))
    found = split_at_freeze_line(model, image_size=32)
    assert found is not None
    return found


def epochs(
    boundary: Boundary,
    paths: list[Path],
    *,
    n_epochs: int,
    first: int = 0,
    augmentation: Augmentation = "crop-flip",
    batch_size: int = 8,
) -> list[dict[int, Tensor]]:
    """For each epoch the activations by image."""
    transform = TrainingTransform(AT_32, augmentation, seed=3)
    loader = boundary.across(
        training_loader(paths, list(range(len(paths))), transform, batch_size=batch_size, workers=0)
    )
    found = []
    for epoch in range(first, first + n_epochs):
        assert isinstance(loader.sampler, EpochSampler)
        loader.sampler.set_epoch(epoch)
        found.append(
            {
                int(target): row
                for rows, targets in loader
                for row, target in zip(rows, torch.as_tensor(targets), strict=True)
            }
        )
    return found


def are_equal(one: dict[int, Tensor], other: dict[int, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(row, other[index]) for index, row in one.items())


def computed(halves: Halves, precision: Concrete = "fp32", views: int = 1) -> tuple[Boundary, list[int]]:
    """A boundary, and a list that gets the size of every chunk that it computes."""
    sizes: list[int] = []

    class Counting(Boundary):
        def run(self, crops, transform):  # type: ignore[no-untyped-def]
            sizes.append(len(crops))
            return super().run(crops, transform)

    return Counting(halves, precision, views), sizes


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_row_is_what_the_frozen_part_gives_for_the_image(
    paths: list[Path], halves: Halves, precision: Concrete
) -> None:
    loader = labelled_loader(paths, [0] * N_IMAGES, AT_32, batch_size=16, workers=0)
    rows = torch.cat([rows for rows, _ in Boundary(halves, precision).across(loader)])
    images = torch.stack([AT_32(load_rgb(path)) for path in paths[:16]])
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        activations = halves.lower(images)
    assert rows.dtype == torch.bfloat16
    assert torch.equal(rows[:16], activations.to(torch.bfloat16))
    if precision == "bf16":
        assert activations.dtype == torch.bfloat16


def test_a_row_is_off_by_at_most_one_in_256(paths: list[Path], halves: Halves) -> None:
    loader = labelled_loader(paths, [0] * N_IMAGES, AT_32, batch_size=N_IMAGES, workers=0)
    ((rows, _),) = Boundary(halves, "fp32").across(loader)
    exact = halves.lower(torch.stack([AT_32(load_rgb(path)) for path in paths]))
    assert ((rows.float() - exact).abs() <= exact.abs() / 256 + 1e-6).all()


def test_each_image_and_view_is_computed_once(paths: list[Path], halves: Halves) -> None:
    boundary, sizes = computed(halves, views=2)
    first, second, third, fourth = epochs(boundary, paths, n_epochs=4)
    assert sum(sizes) == 2 * N_IMAGES + 1  # one for the shape
    assert are_equal(first, third)
    assert are_equal(second, fourth)
    assert not any(torch.equal(row, second[index]) for index, row in first.items())
    again, sizes = computed(halves, views=2)
    assert are_equal(epochs(again, paths, n_epochs=1)[0], first)
    assert sum(sizes) == 1


def test_without_augmentation_there_is_one_view(paths: list[Path], halves: Halves) -> None:
    boundary, sizes = computed(halves, views=5)
    first, second = epochs(boundary, paths, n_epochs=2, augmentation="none")
    assert are_equal(first, second)
    assert sum(sizes) == N_IMAGES + 1


def test_rows_do_not_depend_on_batches_order_or_what_is_there_already(
    paths: list[Path], halves: Halves
) -> None:
    boundary = Boundary(halves, "fp32", 3)
    expected = epochs(boundary, paths, n_epochs=3)
    shutil.rmtree(stores_folder())
    epochs(boundary, paths[5:9], n_epochs=2, batch_size=3)
    late = epochs(boundary, paths, n_epochs=2, first=1, batch_size=6)
    assert are_equal(late[0], expected[1])
    assert are_equal(late[1], expected[2])


def test_more_images_leave_the_rows_of_the_others_as_they_were(paths: list[Path], halves: Halves) -> None:
    (few,) = epochs(Boundary(halves, "fp32", 2), paths[10:], n_epochs=1)
    boundary, sizes = computed(halves, views=2)
    (all_rows,) = epochs(boundary, paths, n_epochs=1)
    assert sum(sizes) == 10 + 1
    assert are_equal(few, {index - 10: row for index, row in all_rows.items() if index >= 10})


def test_a_changed_image_and_changed_frozen_weights_are_computed_anew(
    paths: list[Path], halves: Halves, tmp_path: Path
) -> None:
    copies = [Path(shutil.copy(path, tmp_path)) for path in paths]
    (before,) = epochs(Boundary(halves, "fp32"), copies, n_epochs=1)
    shutil.copy(copies[1], copies[0])
    (after,) = epochs(Boundary(halves, "fp32"), copies, n_epochs=1)
    assert not torch.equal(after[0], before[0])
    assert torch.equal(after[0], before[1])
    bias = dict(halves.model.named_parameters())["layer1.0.bn1.bias"]
    with torch.no_grad():
        bias += 1
    try:
        boundary, sizes = computed(halves)
        epochs(boundary, copies, n_epochs=1)
        assert sum(sizes) >= N_IMAGES
    finally:
        with torch.no_grad():
            bias -= 1


def test_a_damaged_row_and_a_store_without_room_change_nothing(
    paths: list[Path], halves: Halves, monkeypatch: pytest.MonkeyPatch
) -> None:
    (expected,) = epochs(Boundary(halves, "fp32"), paths, n_epochs=1)
    (rows,) = stores_folder().glob("*/rows.bin")
    content = bytearray(rows.read_bytes())
    content[len(content) // 2] ^= 1
    rows.write_bytes(content)
    boundary, sizes = computed(halves)
    assert are_equal(epochs(boundary, paths, n_epochs=1)[0], expected)
    assert sum(sizes) == 1 + 1
    shutil.rmtree(stores_folder())
    monkeypatch.setenv("FINETUNE_CACHE_GB", "0")
    said: list[str] = []
    first, second = epochs(Boundary(halves, "fp32", 1, said.append), paths, n_epochs=2)
    assert are_equal(first, expected)
    assert are_equal(second, expected)
    assert len(said) == 1
    assert "has no room for more" in said[0]


@pytest.mark.parametrize("name", ["rows.bin", "index.bin"])
def test_a_file_cut_off_in_the_middle_is_made_whole_again(
    paths: list[Path], halves: Halves, name: str
) -> None:
    """As a full disk or a killed process leaves it: what is whole is served, the rest is computed and kept anew."""
    (expected,) = epochs(Boundary(halves, "fp32"), paths, n_epochs=1)
    (file,) = stores_folder().glob(f"*/{name}")
    size = file.stat().st_size
    row_bytes = size // N_IMAGES
    os.truncate(file, 7 * row_bytes + row_bytes // 2)
    boundary, sizes = computed(halves)
    assert are_equal(epochs(boundary, paths, n_epochs=1)[0], expected)
    assert sum(sizes) == 1 + N_IMAGES - 7
    again, sizes = computed(halves)
    assert are_equal(epochs(again, paths, n_epochs=1)[0], expected)
    assert sum(sizes) == 1, "what was lost had not been kept anew"


def test_the_missing_rows_are_counted(paths: list[Path], halves: Halves) -> None:
    images = TrainingDataset(paths, [0] * N_IMAGES, TrainingTransform(AT_32, "crop", 0))
    rows = BoundaryDataset(Boundary(halves, "fp32", 3), images)
    assert rows.n_missing() == N_IMAGES
    rows.__getitems__([(0, 4), (3, 5), (1, 6)])
    assert rows.n_missing() == N_IMAGES - 2
    assert len(rows.store) == 3
    assert rows[(1, 4)][1] == 0


def test_a_second_draw_in_an_epoch_sees_another_view(paths: list[Path], halves: Halves) -> None:
    images = TrainingDataset(paths, [0] * N_IMAGES, TrainingTransform(AT_32, "crop", 0))
    rows, _ = BoundaryDataset(Boundary(halves, "fp32", 4), images).__getitems__([(0, 2), (10_000, 2), (1, 2)])
    assert not torch.equal(rows[0], rows[1])
    assert torch.equal(rows[1], rows[2])


def test_a_tuner_in_bf16_gives_the_same_logits_from_rows_as_from_images(paths: list[Path]) -> None:
    from finetune.recipe import Recipe
    from finetune.training.tuner import Tuner

    model = network()
    grouping = layer_groups(model)
    plan = make_strategy("partial").plan(grouping.groups)
    recipe = Recipe.make(epochs=1, lr=1e-3, precision="bf16")
    tuner = Tuner(model, grouping, plan, recipe, n_classes=N_CLASSES, steps_per_epoch=1).eval()
    loader = labelled_loader(paths, [0] * N_IMAGES, AT_32, batch_size=16, workers=0)
    images, _ = next(iter(loader))
    with torch.no_grad():
        whole = tuner(images)
        tuner.cut(image_size=32)
        assert tuner.halves is not None
        rows, _ = next(iter(Boundary(tuner.halves, "bf16").across(loader)))
        assert torch.equal(tuner(rows), whole)
    assert make_tuner(model, grouping, plan).halves is None
