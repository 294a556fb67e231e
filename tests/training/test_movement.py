"""What is said to have moved is what moved: numbers against hand-made ones, exact zeros for what is frozen."""

import csv
import json
import math
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from learners import run
from networks import make_tuner, network, snapshot
from test_averaging import QUIET, fitted
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from finetune.evaluation.movement import GroupEpoch, Movement, movement_rows, write_movement
from finetune.model.layers import layer_groups
from finetune.training.movement import MOST_STEPS_WATCHED, Watch, measure_movement
from finetune.training.tree import pack, unpack
from strategies import make_strategy

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*in eval mode at the start of training"),
]


def measured(model: nn.Module, start: dict[str, torch.Tensor], strategy: str = "partial") -> Movement:
    grouping = layer_groups(model)
    plan = make_strategy(strategy).plan(grouping.groups)
    return measure_movement(model, start, grouping, plan, [], kept="epoch 1")


def test_a_tenth_more_of_every_weight_is_a_change_of_a_tenth() -> None:
    model = network()
    start = snapshot(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("layer4", "fc")):
                parameter.mul_(1.1)
    found = {row.group: row for row in measured(model, start).groups}
    assert list(found) == ["stem", "layer1", "layer2", "layer3", "layer4", "fc"]
    for name, row in found.items():
        moves = name in ("layer4", "fc")
        assert row.frozen is not moves
        assert row.relative_change == (pytest.approx(0.1, rel=1e-5) if moves else 0.0)
        assert not row.statistics_moved


def test_one_changed_bit_and_one_changed_statistic_are_seen() -> None:
    model = network()
    start = snapshot(model)
    weight = model.get_parameter("layer1.0.conv1.weight")
    with torch.no_grad():
        weight.view(-1)[0] = torch.nextafter(weight.view(-1)[0], torch.tensor(9.0))
        model.get_buffer("layer2.0.bn1.running_mean")[0] += 1e-6
    found = {row.group: row for row in measured(model, start).groups}
    assert 0 < (found["layer1"].relative_change or 0) < 1e-6
    assert found["layer2"].statistics_moved
    assert found["layer2"].relative_change == 0.0
    assert not found["layer1"].statistics_moved


def test_what_began_at_nothing_has_no_relative_change() -> None:
    model = network()
    head = model.get_submodule("fc")
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
    start = snapshot(model)
    assert measured(model, start).groups[-1].relative_change == 0.0
    with torch.no_grad():
        head.get_parameter("bias").add_(1)
    assert measured(model, start).groups[-1].relative_change is None


class Norms(pl.Callback):
    """Each step's gradient norm of the head and of the whole, by hand."""

    def __init__(self) -> None:
        self.head: list[float] = []
        self.rates: list[float] = []

    def on_before_optimizer_step(
        self, _trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        head = pl_module.model.get_submodule("fc")  # type: ignore[operator, union-attr]
        squares = [float(parameter.grad.double().square().sum()) for parameter in head.parameters()]
        self.head.append(math.sqrt(sum(squares)))
        self.rates.append(optimizer.param_groups[-1]["lr"])


@pytest.mark.parametrize("n_steps", [3, 2 * MOST_STEPS_WATCHED + 1])
def test_the_gradient_s_median_and_largest_norm_are_those_of_the_steps_looked_at(n_steps: int) -> None:
    model = network()
    grouping = layer_groups(model)
    plan = make_strategy("partial").plan(grouping.groups)
    norms, watch = Norms(), Watch(grouping)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2 * n_steps, 3, 32, 32, generator=generator)
    batches = DataLoader(TensorDataset(images, torch.arange(2 * n_steps) % 3), batch_size=2)
    trainer = pl.Trainer(**QUIET, max_epochs=1, callbacks=[norms, watch])
    trainer.fit(make_tuner(model, grouping, plan, total_steps=n_steps), batches, batches)
    every = math.ceil(n_steps / MOST_STEPS_WATCHED)
    looked_at = sorted(norms.head[::every])
    assert len(looked_at) <= MOST_STEPS_WATCHED
    (row,) = [row for row in watch.epochs if row.group == "fc"]
    assert row.gradient_max == pytest.approx(looked_at[-1], rel=1e-5)
    middle = len(looked_at) // 2
    median = looked_at[middle] if len(looked_at) % 2 else sum(looked_at[middle - 1 : middle + 1]) / 2
    assert row.gradient_median == pytest.approx(median, rel=1e-5)
    rates = norms.rates[::every]
    assert row.lr == pytest.approx(sum(rates) / len(rates))
    for row in watch.epochs:
        if row.group not in ("layer4", "fc"):
            assert (row.lr, row.gradient_median, row.gradient_max) == (0.0, 0.0, 0.0)


def test_what_was_watched_goes_through_the_saved_state() -> None:
    watch = Watch(layer_groups(network()))
    watch.epochs = [GroupEpoch(1, "fc", 1e-3, 0.5, float("inf")), GroupEpoch(1, "stem", 0.0, 0.0, 0.0)]
    other = Watch(layer_groups(network()))
    other.load_state_dict(unpack(*pack(watch.state_dict())))
    assert other.epochs == watch.epochs


def test_a_run_tells_what_moved_and_its_frozen_groups_are_exactly_nothing(tmp_path: Path) -> None:
    _, trained, _ = run(tmp_path, epochs=2)
    movement = trained.finish.movement
    best = max(trained.rows, key=lambda row: row.val_score).epoch
    assert movement.kept == (f"epoch {best}" if best else "the start")
    for row in movement.groups:
        if row.frozen:
            assert (row.relative_change, row.lr_max, row.gradient_max) == (0.0, 0.0, 0.0)
        else:
            assert min(row.lr_max, row.gradient_median) > 0
            assert (row.relative_change or 0) > 0 or best == 0
        assert not row.statistics_moved
    assert {row.epoch for row in movement.epochs} == {1, 2}


def test_from_scratch_every_group_and_its_statistics_move() -> None:
    _, _, model, before, _ = fitted("from-scratch")
    rows = measured(model, before, "from-scratch").groups
    assert all((row.relative_change or 0) > 0 and not row.frozen for row in rows)
    assert all(row.statistics_moved for row in rows[:-1])


def test_a_run_that_keeps_the_start_says_why_nothing_moved_though_it_trained(tmp_path: Path) -> None:
    _, trained, _ = run(tmp_path, lr=10, epochs=2, augment="none")
    assert trained.kept_epoch == 0, "the rate was not high enough to prove anything"
    movement = trained.finish.movement
    assert movement.keeps_the_start
    assert any(row.lr_max > 0 and row.gradient_max > 0 for row in movement.groups)
    note = (
        "the kept weights (the start) are those from before the first epoch, so nothing moved in them; the gradients "
        "and learning rates are those of the training, which did no better on val"
    )
    assert movement.note == note
    assert trained.notes[-1] == note
    write_movement(movement, table=tmp_path / "a.csv", whole=tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["note"] == note


def test_one_bit_or_one_statistic_that_moved_is_no_kept_start() -> None:
    model = network()
    start = snapshot(model)
    assert measured(model, start).note.endswith("so nothing moved in them"), "no epoch was watched"
    model.get_buffer("layer2.0.bn1.running_mean")[0] += 1e-6
    assert measured(model, start).note == ""
    weight = model.get_parameter("fc.weight")
    model.load_state_dict(start)
    with torch.no_grad():
        weight.view(-1)[0] = torch.nextafter(weight.view(-1)[0], torch.tensor(9.0))
    assert measured(model, start).note == ""


def test_the_files_hold_the_rows_and_no_number_is_null(tmp_path: Path) -> None:
    model = network()
    grouping = layer_groups(model)
    plan = make_strategy("partial").plan(grouping.groups)
    watched = [GroupEpoch(1, "fc", 1e-3, 0.5, 2.0), GroupEpoch(2, "fc", 5e-4, float("nan"), float("inf"))]
    movement = measure_movement(model, snapshot(model), grouping, plan, watched, kept="epoch 2")
    write_movement(movement, table=tmp_path / "a.csv", whole=tmp_path / "a.json")
    whole = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert whole["kept"] == "epoch 2"
    assert whole["epochs"][1]["gradient_median"] is None
    rows = movement_rows(tmp_path / "a.json")
    assert rows == whole["groups"]
    assert (rows[-1]["lr_max"], rows[-1]["gradient_median"]) == (1e-3, None)
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    assert [row["group"] for row in table] == [row["group"] for row in rows]
    assert [row["frozen"] for row in table] == ["True"] * 4 + ["False"] * 2
    assert movement_rows(tmp_path / "nowhere.json") == []
