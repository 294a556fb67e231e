"""Gradient training keeps the best weights it saw, writes a row an epoch, fits its budget and says why it ended."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from learners import N_TRAIN, Heard, learner_in, recipe_of, run
from networks import moved, snapshot

from finetune.data.augmentation.preview import draw_sheet
from finetune.evaluation.history import MetricsRow
from finetune.recipe import Recipe
from finetune.training.frozen import fit_head, train_features
from finetune.training.loaders import transform_of
from finetune.training.preview import draw_preview
from finetune.training.run_folder import RunFolder


def test_a_run_writes_a_row_before_training_and_one_an_epoch(tmp_path: Path) -> None:
    heard = Heard()
    _, trained, folder = run(tmp_path, heard=heard)
    assert [row.epoch for row in trained.rows] == [0, 1, 2]
    assert [row.train_loss is None for row in trained.rows] == [True, False, False]
    assert trained.stopped == "all epochs done"
    with folder.metrics.open(newline="", encoding="utf-8") as stream:
        written = list(csv.DictReader(stream))
    assert [float(row["val_loss"]) for row in written] == [row.val_loss for row in trained.rows]
    seconds = [row.seconds for row in trained.rows]
    assert seconds == sorted(seconds)
    assert trained.rows[-1].lr == pytest.approx(0, abs=1e-9)
    assert heard.counts["training"] == [(step, 4) for step in (1, 2, 3, 4)]
    assert any(said.startswith("training: 2 epochs of 2 steps, at most ") for said in heard.said)
    best = max(trained.rows, key=lambda row: row.val_score).epoch
    kept = {f"epoch-{epoch:05d}-best-{best:05d}.safetensors" for epoch in (1, 2) if epoch >= best}
    found = {path.name for path in folder.states.iterdir()}
    assert kept | {f"best-{best:05d}.safetensors"} <= found


def test_the_network_ends_with_the_best_weights_not_the_last(tmp_path: Path) -> None:
    """A rate this high makes the first epoch the last good one: what was there before it is kept."""
    before = snapshot(learner_in(tmp_path / "twin").model)
    learner, trained, _ = run(tmp_path, lr=10, epochs=3)
    best = max(trained.rows, key=lambda row: row.val_score)
    assert (best.epoch == 0) == (not moved(before, learner.model.state_dict()))
    model = learner.model.eval()
    logits, targets = [], []
    with torch.no_grad():
        for image in learner.split.val:
            pixels = learner.preprocessing(load(image.path)).unsqueeze(0)
            logits.append(model(pixels))
            targets.append(learner.split.index(image.label))
    loss = torch.nn.functional.cross_entropy(torch.cat(logits), torch.tensor(targets)).item()
    assert loss == pytest.approx(best.val_loss, rel=1e-3)


def load(path: Path) -> Any:
    from finetune.data.images import load_rgb

    return load_rgb(path)


def test_two_runs_of_one_recipe_give_the_same_bits(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        learner, trained, _ = run(tmp_path / name, "from-scratch")
        rows = [dataclasses.replace(row, seconds=0.0) for row in trained.rows]
        found.append((snapshot(learner.model), rows))
    (first, rows), (second, same_rows) = found
    assert not moved(first, second)
    assert rows == same_rows


def test_a_budget_leaves_as_many_epochs_as_fit_but_one_at_least(tmp_path: Path) -> None:
    heard = Heard()
    _, trained, _ = run(tmp_path, epochs=10_000, max_minutes=0.06, heard=heard)
    assert 1 <= (trained.recipe.epochs or 0) < 10_000
    (planned,) = [sentence for sentence in heard.said if sentence.startswith("10000 epochs would take ")]
    assert "--max-minutes 0.06 leaves time for" in planned


def test_a_budget_that_is_spent_still_trains(tmp_path: Path) -> None:
    _, trained, _ = run(tmp_path, epochs=10_000, max_minutes=0.06, minutes_spent=5)
    assert len(trained.rows) >= 2
    assert len(trained.rows) - 1 <= (trained.recipe.epochs or 0)


def test_training_ends_when_validation_no_longer_improves(tmp_path: Path) -> None:
    _, trained, _ = run(tmp_path, lr=1e-12, weight_decay=0.0, epochs=3, patience=1)
    assert trained.stopped == "validation did not improve any more"
    assert len(trained.rows) < 4


def test_the_head_is_solved_on_the_training_images_alone(tmp_path: Path) -> None:
    """The validation images are not even opened: they are gone."""
    learner = learner_in(tmp_path, "freeze-all")
    for image in learner.split.val:
        image.path.unlink()
    before = snapshot(learner.model)
    heard = Heard()
    recipe = Recipe.make(workers=0)
    features = train_features(learner, recipe, reporter=heard)
    assert features.shape == (N_TRAIN, 96)
    solved = fit_head(learner, features, recipe, reporter=heard)
    assert moved(before, learner.model.state_dict()) == {"fc.weight", "fc.bias"}
    assert solved.weight.shape == (3, 96)
    assert heard.counts["computing features"][-1] == (N_TRAIN, N_TRAIN)


def test_a_run_shows_the_sheet_of_its_own_policy_and_mixing(tmp_path: Path) -> None:
    learner, heard, folder = learner_in(tmp_path), Heard(), RunFolder(tmp_path)
    recipe = recipe_of(augment="medium", hflip=False, mixup=0.5, cutmix=1.0)
    draw_preview(learner, recipe, folder, reporter=heard)
    mixed = (("mixup", 0.5), ("cutmix", 1.0))
    paths = [image.path for image in learner.split.train]
    expected = draw_sheet(paths, transform_of(learner, recipe), mixed).picture
    assert load(folder.augmentation).tobytes() == expected.tobytes()
    assert heard.said == []
    paths[0].write_bytes(b"")
    draw_preview(learner, recipe, folder, reporter=heard)
    (said,) = heard.said
    assert said.startswith(f"warning: {paths[0]} is empty (0 bytes); left out of the sheet")


def test_a_row_is_a_value() -> None:
    assert MetricsRow(0, None, 1, 1, 1, 0, 0) == MetricsRow(0, None, 1, 1, 1, 0, 0)
