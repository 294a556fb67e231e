"""Each image goes through the frozen layers once; what comes from the cache has the bits of what was computed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from drawing import draw_set, picture, save
from networks import SIDE_PX, network

from finetune.cache.place import stores, stores_folder
from finetune.data.health import inspect_source
from finetune.data.loading import measuring_loader
from finetune.data.sources import open_source
from finetune.data.split import split_images
from finetune.data.transforms import Preprocessing
from finetune.model.features import extract_features
from finetune.model.layers import classifier_name, layer_groups
from finetune.progress import Advance
from finetune.recipe import Recipe
from finetune.training.feature_cache import BATCH_SIZE
from finetune.training.frozen import train_features, view_features
from finetune.training.learner import Learner
from strategies import make_strategy

PREPROCESSING = Preprocessing(SIDE_PX, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bicubic", 0.875)
N_EACH = 14
VIEWS = 3


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.counts: dict[str, list[tuple[int, int]]] = {}

    def say(self, text: str) -> None:
        self.said.append(text)

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:
        counted = self.counts.setdefault(title, [])
        yield lambda done, total: counted.append((done, total))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return draw_set(
        tmp_path / "data",
        {f"{split}/{name}": n for split, n in (("train", N_EACH), ("val", 4)) for name in "ab"},
    )


def learner_of(data: Path, *, seed: int = 0) -> Learner:
    split = split_images(inspect_source(open_source(data)), seed=0, val_share=0.2, test_share=0.2)
    model = network(n_classes=2, seed=seed).eval()
    grouping = layer_groups(model)
    plan = make_strategy("freeze-all").plan(grouping.groups)
    return Learner(model, grouping, plan, split, PREPROCESSING)


def features(
    data: Path, *, augment: str = "none", seed: int = 0, **choices: object
) -> tuple[np.ndarray, str]:
    """The features of a run of its own, and what it said of the cache."""
    heard = Heard()
    recipe = Recipe.make(augment=augment, seed=seed, **choices)
    rows, _ = view_features(learner_of(data), recipe, reporter=heard)
    told = [sentence for sentence in heard.said if sentence.startswith("features: ")]
    return rows, told[-1] if told else ""


@pytest.mark.parametrize("cache", ["on", "off"])
def test_the_features_are_those_of_the_measuring_path(data: Path, cache: str) -> None:
    learner = learner_of(data)
    rows = train_features(learner, Recipe.make(cache=cache), reporter=Heard())
    paths = [image.path for image in learner.split.train]
    expected = extract_features(
        learner.model, learner.grouping, measuring_loader(paths, PREPROCESSING)
    ).penultimate
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-6)
    assert bool(stores(stores_folder())) == (cache == "on")


@pytest.mark.parametrize(("augment", "views"), [("none", 1), ("crop-flip", VIEWS)])
def test_a_second_run_computes_nothing_and_gets_the_same_bits(data: Path, augment: str, views: int) -> None:
    choices = {"augment": augment, "views": None if views == 1 else views}
    first, said = features(data, **choices)  # type: ignore[arg-type]
    n_rows = views * 2 * N_EACH
    assert said == f"features: {n_rows} computed, 0 from the cache"
    again, said = features(data, **choices)  # type: ignore[arg-type]
    assert said == f"features: 0 computed, {n_rows} from the cache"
    without, said = features(data, cache="off", **choices)  # type: ignore[arg-type]
    assert said == ""
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, without)
    assert len(first) == n_rows


@pytest.mark.parametrize("augment", ["none", "crop"])
def test_images_that_join_are_all_that_is_computed(data: Path, augment: str) -> None:
    views = 1 if augment == "none" else VIEWS
    choices = {"augment": augment, "views": None if views == 1 else views}
    before, _ = features(data, **choices)  # type: ignore[arg-type]
    for number in range(5):
        save(picture(1000 + number), data / "train" / "a" / f"-new-{number}.png")
    after, said = features(data, **choices)  # type: ignore[arg-type]
    assert said == f"features: {5 * views} computed, {2 * N_EACH * views} from the cache"
    without, _ = features(data, cache="off", **choices)  # type: ignore[arg-type]
    np.testing.assert_array_equal(after, without)
    assert {row.tobytes() for row in before} < {row.tobytes() for row in after}


def test_more_views_compute_only_those_that_are_new(data: Path) -> None:
    features(data, augment="crop", views=2)
    rows, said = features(data, augment="crop", views=3)
    assert said == f"features: {2 * N_EACH} computed, {4 * N_EACH} from the cache"
    first, second, third = np.split(rows, 3)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)


def test_a_changed_image_is_computed_anew_and_a_renamed_one_is_not(data: Path) -> None:
    before, _ = features(data)
    changed = data / "train" / "a" / "3.png"
    save(picture(77), changed)
    (data / "train" / "b" / "1.png").rename(data / "train" / "b" / "zz.png")
    after, said = features(data)
    assert said == f"features: 1 computed, {2 * N_EACH - 1} from the cache"
    without, _ = features(data, cache="off")
    np.testing.assert_array_equal(after, without)
    assert len({row.tobytes() for row in after} - {row.tobytes() for row in before}) == 1


def test_a_damaged_row_is_computed_anew(data: Path) -> None:
    before, _ = features(data)
    (use,) = stores(stores_folder())
    content = bytearray((use.folder / "rows.bin").read_bytes())
    content[len(content) // 2] ^= 1
    (use.folder / "rows.bin").write_bytes(content)
    after, said = features(data)
    assert said == f"features: 1 computed, {2 * N_EACH - 1} from the cache"
    np.testing.assert_array_equal(before, after)
    assert features(data)[1].startswith("features: 0 computed")


def test_other_weights_seeds_and_sizes_are_kept_apart_and_another_head_is_not(data: Path) -> None:
    heard = Heard()
    learner = learner_of(data)
    recipe = Recipe.make()
    train_features(learner, recipe, reporter=heard)
    with torch.no_grad():
        learner.model.get_submodule(classifier_name(learner.model)).weight.add_(1)  # type: ignore[operator]
    train_features(learner, recipe, reporter=heard)
    other = learner_of(data)
    with torch.no_grad():
        next(other.model.parameters())[0] += 1
    train_features(other, recipe, reporter=heard)
    n_images = 2 * N_EACH
    assert [sentence for sentence in heard.said if sentence.startswith("features: ")] == [
        f"features: {n_images} computed, 0 from the cache",
        f"features: 0 computed, {n_images} from the cache",
        f"features: {n_images} computed, 0 from the cache",
    ]
    crops = [features(data, augment="crop", views=1, seed=seed)[0] for seed in (0, 1)]
    assert not np.array_equal(*crops)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_number_of_loading_processes_changes_nothing(data: Path, workers: int) -> None:
    rows, _ = features(data, augment="crop", views=2, cache="off", workers=workers)
    expected, _ = features(data, augment="crop", views=2, cache="off")
    np.testing.assert_array_equal(rows, expected)


def test_a_full_cache_is_told_once_and_costs_no_result(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUNE_CACHE_GB", "0")
    heard = Heard()
    rows = train_features(learner_of(data), Recipe.make(), reporter=heard)
    (warning,) = [sentence for sentence in heard.said if sentence.startswith("warning")]
    assert "has no room for more; raise FINETUNE_CACHE_GB" in warning
    without, _ = features(data, cache="off")
    np.testing.assert_array_equal(rows, without)


def test_how_long_it_takes_is_told_from_the_second_batch(data: Path) -> None:
    heard = Heard()
    assert 2 * N_EACH > BATCH_SIZE
    recipe = Recipe.make(cache="off", augment="crop", views=3, max_minutes=1e-9)
    view_features(learner_of(data), recipe, reporter=heard)
    told, warning = heard.said
    assert told.startswith(f"training: the features of {6 * N_EACH} images once, about ")
    assert re.match(r"warning: the features alone take about .*, more than --max-minutes 1e-09", warning)
    assert heard.counts["computing features"][-1] == (6 * N_EACH, 6 * N_EACH)
