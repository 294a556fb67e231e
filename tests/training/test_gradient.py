"""Gradient training keeps the best weights it saw, writes a row an epoch, fits its budget and says why it ended."""

import csv
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from drawing import picture, save
from networks import moved, network, snapshot

import finetune.training.gradient as gradient_module
from finetune.data.sources import LabelledImage
from finetune.data.split import Split
from finetune.data.transforms import Preprocessing, TrainingTransform
from finetune.evaluation.history import MetricsRow
from finetune.model.layers import layer_groups
from finetune.progress import SILENT, Advance
from finetune.recipe import Recipe
from finetune.training.frozen import fit_head, train_features
from finetune.training.gradient import Trained, train
from finetune.training.journal import Journal
from finetune.training.learner import Learner
from finetune.training.preview import CELL_PX, GAP_PX, N_VERSIONS, draw_preview
from finetune.training.run_folder import RunFolder
from finetune.training.run_record import new_record
from finetune.training.saved_states import SavedStates
from finetune.training.stop import Stop
from strategies import make_strategy

AT_32 = Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.95)
CLASS_NAMES = ("ants", "bees", "wasps")
N_TRAIN = 9
BATCH_SIZE = 4
SETTINGS: dict[str, Any] = {
    "backbone": "test_resnet",
    "image_size": 32,
    "epochs": 2,
    "batch_size": BATCH_SIZE,
    "lr": 1e-3,
    "weight_decay": 0.01,
    "label_smoothing": 0.1,
    "augment": "crop",
    "workers": 0,
}


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


def images_in(folder: Path, n_images: int, first: int) -> tuple[LabelledImage, ...]:
    found = []
    for i in range(n_images):
        label = CLASS_NAMES[i % 3]
        path = save(picture(first + i), folder / label / f"{i}.png")
        found.append(LabelledImage(path, f"{label}/{i}.png", label, None))
    return tuple(found)


def learner_in(folder: Path, strategy: str = "partial") -> Learner:
    model = network()
    grouping = layer_groups(model)
    split = Split(
        images_in(folder / "train", N_TRAIN, 0),
        images_in(folder / "val", 6, 100),
        (),
        CLASS_NAMES,
        frozenset(),
    )
    return Learner(model, grouping, make_strategy(strategy).plan(grouping.groups), split, AT_32)


def recipe_of(strategy: str = "partial", **changes: Any) -> Recipe:
    weights = "none" if strategy == "from-scratch" else "hub"
    return Recipe.make(strategy=strategy, weights=weights, **{**SETTINGS, **changes})


def journal_in(folder: Path, recipe: Recipe) -> Journal:
    folder.mkdir()
    SavedStates(RunFolder(folder).states).make()
    return Journal(RunFolder(folder), new_record("data", recipe, offline=True))


def run(
    folder: Path,
    strategy: str = "partial",
    *,
    minutes_spent: float = 0,
    heard: Heard | None = None,
    **changes: Any,
) -> tuple[Learner, Trained, RunFolder]:
    learner = learner_in(folder, strategy)
    recipe = recipe_of(strategy, **changes)
    journal = journal_in(folder / "run", recipe)
    trained = train(
        learner, recipe, journal, stop=Stop(), minutes_spent=minutes_spent, reporter=heard or SILENT
    )
    return learner, trained, journal.folder


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
    assert heard.said[0].startswith("10000 epochs would take ")
    assert "--max-minutes 0.06 leaves time for" in heard.said[0]


def test_a_budget_that_is_spent_still_trains(tmp_path: Path) -> None:
    _, trained, _ = run(tmp_path, epochs=10_000, max_minutes=0.06, minutes_spent=5)
    assert len(trained.rows) >= 2
    assert len(trained.rows) - 1 <= (trained.recipe.epochs or 0)


def test_training_ends_when_validation_no_longer_improves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradient_module, "LEAST_PATIENCE", 1)
    _, trained, _ = run(tmp_path, lr=1e-12, weight_decay=0.0, epochs=3)
    assert trained.stopped == "validation did not improve any more"
    assert len(trained.rows) < 4


@pytest.mark.filterwarnings("ignore:.*val_score.*")
def test_a_run_that_diverges_keeps_the_last_finite_weights_and_says_so(tmp_path: Path) -> None:
    learner = learner_in(tmp_path, "from-scratch")
    head = learner.model.get_submodule("fc")
    original = head.forward

    def exploding(features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = original(features)
        return logits * float("nan") if head.training and learner.model.training else logits

    head.forward = exploding  # type: ignore[method-assign]
    recipe = recipe_of("from-scratch")
    journal = journal_in(tmp_path / "run", recipe)
    trained = train(learner, recipe, journal, stop=Stop(), minutes_spent=0, reporter=SILENT)
    assert trained.stopped == "the loss was no number any more; try a smaller --lr"
    assert all(torch.isfinite(tensor).all() for tensor in learner.model.state_dict().values())


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


def test_the_preview_shows_the_plain_crop_then_the_epochs(tmp_path: Path) -> None:
    images = images_in(tmp_path, 9, 0)
    transform = TrainingTransform(AT_32, "crop-flip", seed=0)
    draw_preview(images, transform, tmp_path / "sheet.png")
    sheet = load(tmp_path / "sheet.png")
    cell = CELL_PX + GAP_PX
    assert sheet.size == ((N_VERSIONS + 1) * cell, 4 * cell)
    plain = AT_32.resize_and_crop(load(images[0].path)).resize((CELL_PX, CELL_PX))
    assert sheet.crop((0, 0, CELL_PX, CELL_PX)).tobytes() == plain.tobytes()
    second = transform.augment(load(images[0].path), epoch=1, index=0).resize((CELL_PX, CELL_PX))
    assert sheet.crop((2 * cell, 0, 2 * cell + CELL_PX, CELL_PX)).tobytes() == second.tobytes()


def test_a_row_is_a_value() -> None:
    assert MetricsRow(0, None, 1, 1, 1, 0, 0) == MetricsRow(0, None, 1, 1, 1, 0, 0)
