"""The cache at the freeze line is used where it pays, by measured size and time, and one sentence says why."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learners import Heard, journal_in, learner_in, recipe_of, run
from networks import moved, snapshot

from finetune.cache.place import stores_folder
from finetune.errors import OptionError
from finetune.progress import SILENT
from finetune.training.cache_choice import (
    DEFAULT_VIEWS,
    SLOW_DISK_BYTES_S,
    Costs,
    Passes,
    choose_cache,
    on_disk,
    settle_cache,
)
from finetune.training.loaders import some_train_batches
from finetune.training.settle import make_tuner, measure, settle

RESNET18_AT_224 = Costs(frozen_s=0.014, keep_s=0.0002, read_s=0.0001, row_bytes=100_352)
HYMENOPTERA = Passes(n_train=243, n_val=153, epochs=20, views=4)


def test_a_costly_frozen_part_is_run_once_and_the_sentence_says_what_that_saves() -> None:
    choice = choose_cache(RESNET18_AT_224, HYMENOPTERA, has_room=True, is_asked=False)
    assert choice.is_on
    assert choice.sentence == (
        "cache: the frozen part runs once for each of 4 views of an image instead of in 20 epochs, which saves "
        "about 1.6 minutes (14.0 ms an image); 113 MB on disk"
    )


@pytest.mark.parametrize(
    ("costs", "passes"),
    [
        (Costs(0.0005, 0.0001, 0.0001, 1000), HYMENOPTERA),
        (Costs(0.014, 0.01, 0.014, 100_352), HYMENOPTERA),
        (RESNET18_AT_224, Passes(n_train=243, n_val=1, epochs=4, views=4)),
    ],
)
def test_a_cheap_part_a_slow_disk_and_few_epochs_are_left_without(costs: Costs, passes: Passes) -> None:
    choice = choose_cache(costs, passes, has_room=True, is_asked=False)
    assert not choice.is_on
    assert choice.sentence.startswith("no cache: the frozen part takes ")
    assert choice.sentence.endswith("and keeping what it gives would save too little of that")
    assert choose_cache(costs, passes, has_room=True, is_asked=True).is_on


def test_without_room_there_is_no_cache_and_the_sentence_says_how_to_get_one() -> None:
    choice = choose_cache(RESNET18_AT_224, Passes(200_000, 0, 20, 4), has_room=False, is_asked=False)
    assert not choice.is_on
    assert choice.sentence == (
        "no cache: what the frozen part gives would take 80.3 GB, which the cache has no room for; raise "
        "FINETUNE_CACHE_GB"
    )


amounts = st.integers(1, 10_000)
times = st.floats(1e-6, 1)


@given(st.builds(Costs, times, times, times, amounts), st.builds(Passes, amounts, amounts, amounts, amounts))
def test_what_costs_more_than_it_saves_is_never_chosen(costs: Costs, passes: Passes) -> None:
    plain_s = costs.frozen_s * passes.n_wanted
    kept_s = (costs.frozen_s + costs.keep_s) * passes.n_rows + costs.read_s * passes.n_wanted
    if choose_cache(costs, passes, has_room=True, is_asked=False).is_on:
        assert kept_s < 0.9 * plain_s
        assert plain_s - kept_s > 5


def test_rows_that_fill_the_memory_are_read_at_a_disk_s_pace() -> None:
    assert on_disk(RESNET18_AT_224, HYMENOPTERA) == RESNET18_AT_224
    slow = on_disk(RESNET18_AT_224, Passes(10**9, 0, 20, 4))
    assert slow.read_s == RESNET18_AT_224.row_bytes / SLOW_DISK_BYTES_S


def test_tiny_work_is_left_without_a_cache_and_the_recipe_says_so(tmp_path: Path) -> None:
    heard = Heard()
    recipe = recipe_of()
    journal = journal_in(tmp_path / "run", recipe)
    settled = settle(learner_in(tmp_path), recipe, journal, 0, heard)
    assert settled.cache == "off"
    assert settled.views is None
    assert sum(sentence.startswith("no cache: ") for sentence in heard.said) == 1


@pytest.mark.parametrize(
    ("changes", "views"),
    [
        ({"cache": "on", "epochs": 20}, DEFAULT_VIEWS),
        ({"cache": "on", "epochs": 2}, 2),
        ({"views": 3}, 3),
        ({"cache": "on", "augment": "none"}, None),
    ],
)
def test_what_is_asked_for_is_filled_into_the_recipe(
    tmp_path: Path, changes: dict[str, object], views: int | None
) -> None:
    learner, recipe = learner_in(tmp_path), recipe_of(**changes)
    heard = Heard()
    settled = settle_cache(learner, recipe, make_tuner(learner, recipe, cut=False), heard)
    assert (settled.cache, settled.views) == ("on", views)
    assert heard.said[0].startswith("cache: the frozen part runs once")
    assert next(learner.model.parameters()).device.type == "cpu"


@pytest.mark.parametrize("changes", [{"mixup": 0.2}, {"cutmix": 1.0}, {"unfreeze_at": 1}, {"cache": "off"}])
def test_what_needs_whole_images_goes_without(tmp_path: Path, changes: dict[str, object]) -> None:
    learner, recipe = learner_in(tmp_path), recipe_of(**changes)
    settled = settle_cache(learner, recipe, make_tuner(learner, recipe, cut=False), SILENT)
    assert (settled.cache, settled.views) == ("off", None)
    assert make_tuner(learner, settled).halves is None


def test_where_everything_trains_nothing_is_decided(tmp_path: Path) -> None:
    learner, recipe = learner_in(tmp_path, "full-finetune"), recipe_of("full-finetune")
    assert settle_cache(learner, recipe, make_tuner(learner, recipe), SILENT) == recipe


def test_a_network_that_cannot_be_cut_refuses_the_cache_in_a_sentence(tmp_path: Path) -> None:
    learner, recipe = learner_in(tmp_path), recipe_of(cache="on")
    tuner = make_tuner(learner, recipe, cut=False)
    for name, parameter in learner.model.named_parameters():
        parameter.requires_grad_(name.startswith(("layer4.0.conv2", "fc.")))
    with pytest.raises(OptionError, match=r"--cache on: more than one tensor crosses the freeze line"):
        settle_cache(learner, recipe, tuner, SILENT)


def test_the_estimate_counts_the_frozen_part_once_a_view(tmp_path: Path) -> None:
    learner = learner_in(tmp_path, n_train=40)
    recipe = recipe_of(cache="on", views=2, epochs=9)
    estimate = measure(learner, recipe)
    assert estimate.fresh_epochs == 2
    assert estimate.fresh_s > 0
    assert measure(learner, recipe).fresh_s == 0  # its own batches are kept by now
    (first,) = [batch for batch, _ in some_train_batches(learner, recipe, 1)][:1]
    assert first.dtype == torch.float32


def test_under_bf16_the_cache_changes_no_bit_of_the_trained_network(tmp_path: Path) -> None:
    found = []
    for cache in ("off", "on"):
        (tmp_path / cache).mkdir()
        learner, trained, _ = run(
            tmp_path / cache, cache=cache, precision="bf16", augment="none", epochs=3, batch_size=9
        )
        assert trained.recipe.cache == cache
        scores = [(row.train_loss, row.val_loss, row.val_accuracy) for row in trained.rows]
        found.append((snapshot(learner.model), scores))
    assert stores_folder().is_dir()
    (off, rows), (on, same_rows) = found
    assert not moved(off, on)
    assert rows == same_rows


def test_what_is_frozen_stays_to_the_bit_and_what_trains_moves(tmp_path: Path) -> None:
    learner = learner_in(tmp_path)
    before = snapshot(learner.model)
    run(tmp_path, learner=learner, cache="on", views=2, epochs=3, lr=1e-2)
    changed = moved(before, learner.model.state_dict())
    assert {learner.grouping.group_of[name] for name in changed} <= {"layer4", "fc"}
