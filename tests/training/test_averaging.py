"""Averages are the means they claim to be, are seen by validation alone, and spare what is frozen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from learners import Heard, run
from networks import batch, make_tuner, moved, network, snapshot, statistics_names
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn
from torch.utils.data import DataLoader, TensorDataset

from finetune.model.layers import layer_groups
from finetune.training.averaging import (
    KeepLast,
    MovingAverage,
    last_epochs,
    mean_weights,
    moving_norms,
    recompute_statistics,
    thawed_names,
    warmed_decay,
)
from finetune.training.durable import write_tensors
from finetune.training.saved_states import SavedStates
from finetune.training.tree import pack, unpack
from strategies import make_strategy

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*in eval mode at the start of training"),
]

DECAY = 0.3
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


class Looker(pl.Callback):
    """Keeps the weights after each batch, and those that validation saw; stands before the average."""

    def __init__(self) -> None:
        self.trained: list[dict[str, Tensor]] = []
        self.validated: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, _trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        self.trained.append(snapshot(pl_module.model))  # type: ignore[arg-type]

    def on_validation_end(self, _trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.validated.append(snapshot(pl_module.model))  # type: ignore[arg-type]


def fitted(
    strategy: str = "partial", *, n_epochs: int = 2, **options: Any
) -> tuple[Looker, MovingAverage, nn.Module, dict[str, Tensor], frozenset[str]]:
    """Two batches an epoch under a moving average; also the weights before and the names that are averaged."""
    model = network()
    grouping = layer_groups(model)
    plan = make_strategy(strategy).plan(grouping.groups)
    before, names = snapshot(model), thawed_names(grouping, plan)
    looker, average = Looker(), MovingAverage(DECAY, names)
    batches = DataLoader(TensorDataset(*batch(1, 8)), batch_size=4)
    trainer = pl.Trainer(**QUIET, max_epochs=n_epochs, callbacks=[looker, average], **options)
    trainer.fit(make_tuner(model, grouping, plan, total_steps=4), batches, batches)
    return looker, average, model, before, names


def moving_average(start: Tensor, steps: list[Tensor]) -> Tensor:
    """TensorFlow's recursion, written out in float64."""
    average = start.double()
    for n_updates, weights in enumerate(steps):
        decay = min(DECAY, (1 + n_updates) / (10 + n_updates))
        average = decay * average + (1 - decay) * weights.double()
    return average.float()


@pytest.mark.parametrize(
    ("n_updates", "decay"), [(0, 0.1), (1, 2 / 11), (8, 0.5), (90, 0.91), (10**6, 0.999)]
)
def test_the_decay_warms_up(n_updates: int, decay: float) -> None:
    assert warmed_decay(0.999, n_updates) == pytest.approx(decay)
    assert warmed_decay(0.05, n_updates) == 0.05


def test_validation_sees_the_moving_average_and_training_goes_on_from_the_weights() -> None:
    looker, average, model, before, names = fitted()
    parameters = {name for name, _ in model.named_parameters()} & names
    assert parameters == {name for name in parameters if name.startswith(("layer4", "fc"))}
    for epoch, seen in enumerate(looker.validated):
        trained = looker.trained[: 2 * epoch + 2]
        assert moved(seen, trained[-1]) == parameters
        for name in parameters:
            expected = moving_average(before[name], [state[name] for state in trained])
            torch.testing.assert_close(seen[name], expected, rtol=1e-5, atol=1e-7)
    assert not moved(looker.validated[-1], snapshot(model))
    plain = fitted_without_average()
    assert not moved(plain[-1], looker.trained[-1]), "the average disturbed the training"
    layers = {name.rpartition(".")[0] for name in parameters}
    statistics = {
        name for name in statistics_names(model) if name.rpartition(".")[0] in layers and "running" in name
    }
    assert average.state_dict()["averages"].keys() == parameters | statistics


def fitted_without_average() -> list[dict[str, Tensor]]:
    model = network()
    grouping = layer_groups(model)
    plan = make_strategy("partial").plan(grouping.groups)
    looker = Looker()
    batches = DataLoader(TensorDataset(*batch(1, 8)), batch_size=4)
    trainer = pl.Trainer(**QUIET, max_epochs=2, callbacks=[looker])
    trainer.fit(make_tuner(model, grouping, plan, total_steps=4), batches, batches)
    return looker.trained


def test_frozen_tensors_keep_their_bits_and_moving_statistics_are_averaged_with_their_weights() -> None:
    looker, _, model, before, names = fitted("partial")
    assert moved(before, looker.validated[-1]) <= names
    looker, _, model, before, _ = fitted("from-scratch")
    for name in (name for name in statistics_names(model) if "running" in name):
        expected = moving_average(before[name], [state[name] for state in looker.trained])
        torch.testing.assert_close(looker.validated[-1][name], expected, rtol=1e-5, atol=1e-7)
        assert not torch.equal(looker.validated[-1][name], looker.trained[-1][name])


def test_batches_summed_into_one_step_are_one_update() -> None:
    _, average, *_ = fitted(n_epochs=2, accumulate_grad_batches=2)
    assert average.state_dict()["n_updates"] == 2


def test_the_average_goes_through_the_saved_state_bit_for_bit() -> None:
    _, average, *_ = fitted(n_epochs=1)
    other = MovingAverage(DECAY, frozenset())
    other.load_state_dict(unpack(*pack(average.state_dict())))
    kept, restored = average.state_dict(), other.state_dict()
    assert not moved(kept.pop("averages"), restored.pop("averages"))
    assert kept == restored


def test_a_run_keeps_the_best_average_and_says_so(tmp_path: Path) -> None:
    heard = Heard()
    _, trained, _ = run(tmp_path, heard=heard, ema=0.5)
    found = trained.finish.averaging
    assert found is not None
    best = max(trained.rows, key=lambda row: row.val_score)
    assert (found.kind, found.used, found.best_epoch) == ("ema", best.epoch > 0, best.epoch)
    assert found.scores.val_score == best.val_score
    assert heard.said[-1] == found.sentence()
    assert found.to_json()["decay"] == 0.5


@pytest.fixture
def states(tmp_path: Path) -> SavedStates:
    found = SavedStates(tmp_path / "states")
    found.make()
    return found


def weights(n_epochs: int, like: nn.Module, names: frozenset[str]) -> Iterator[dict[str, Tensor]]:
    for epoch in range(1, n_epochs + 1):
        generator = torch.Generator().manual_seed(epoch)
        yield {
            name: torch.randn(tensor.shape, generator=generator) if tensor.is_floating_point() else tensor
            for name, tensor in like.state_dict().items()
            if name in names
        }


def test_the_mean_is_numpy_s_and_buffers_are_the_last_epoch_s(states: SavedStates) -> None:
    model = network()
    grouping = layer_groups(model)
    names = thawed_names(grouping, make_strategy("partial").plan(grouping.groups))
    kept = list(weights(3, model, names))
    for epoch, state in enumerate(kept, start=1):
        write_tensors(states.weights_path(epoch), state, metadata={})
    mean = mean_weights(model, states, (1, 2, 3))
    assert mean.keys() == names
    for name, _ in model.named_parameters():
        if name in names:
            expected = np.mean([state[name].numpy() for state in kept], axis=0, dtype=np.float64)
            np.testing.assert_array_equal(mean[name].numpy(), expected.astype(np.float32))
    for name in names & statistics_names(model):
        assert torch.equal(mean[name], kept[-1][name])


def test_the_mean_of_equal_weights_is_these_weights_to_the_bit(states: SavedStates) -> None:
    model = network()
    (state,) = weights(1, model, frozenset(model.state_dict()))
    for epoch in (1, 2, 3):
        write_tensors(states.weights_path(epoch), state, metadata={})
    assert not moved(state, mean_weights(model, states, (1, 2, 3)))


def test_only_sound_weights_of_the_last_epochs_are_averaged(states: SavedStates) -> None:
    for epoch in (2, 3, 4, 5):
        write_tensors(states.weights_path(epoch), {"a": torch.ones(2)}, metadata={})
    assert last_epochs(states, last_epoch=4, n_epochs=2) == (3, 4)
    assert last_epochs(states, last_epoch=4, n_epochs=9) == (2, 3, 4)
    states.weights_path(3).write_bytes(b"cut off")
    assert last_epochs(states, last_epoch=5, n_epochs=3) == (4, 5)


def test_each_epoch_s_end_is_kept_until_it_is_too_old(states: SavedStates) -> None:
    model = network()
    grouping = layer_groups(model)
    plan = make_strategy("partial").plan(grouping.groups)
    looker, names = Looker(), thawed_names(grouping, plan)
    batches = DataLoader(TensorDataset(*batch(1, 8)), batch_size=8)
    callbacks = [looker, KeepLast(states, names, 2)]
    pl.Trainer(**QUIET, max_epochs=3, callbacks=callbacks).fit(
        make_tuner(model, grouping, plan), batches, batches
    )
    found = sorted(path.name for path in states.folder.glob("*.safetensors"))
    assert found == ["weights-00002.safetensors", "weights-00003.safetensors"]
    for epoch in (2, 3):
        state = load_file(states.weights_path(epoch))
        assert state.keys() == names
        assert not moved(state, looker.trained[epoch - 1])


def test_recomputed_statistics_are_torch_s() -> None:
    ours, theirs = network(), network()
    batches = [batch(number, 4) for number in range(3)]
    norms = moving_norms(ours)
    recompute_statistics(ours, norms, batches)
    update_bn(batches, theirs)
    assert norms
    assert moved(snapshot(network()), ours.state_dict()) == statistics_names(ours)
    assert not moved(ours.state_dict(), theirs.state_dict())
    assert not any(module.training for module in ours.modules())
    assert all(norm.momentum == 0.1 for norm in norms)


def test_held_statistics_are_not_recomputed() -> None:
    model = network()
    grouping = layer_groups(model)
    held = make_tuner(model, grouping, make_strategy("full-finetune").plan(grouping.groups))
    assert moving_norms(held) == []
    free = make_tuner(network(), grouping, make_strategy("from-scratch").plan(grouping.groups))
    free.eval()
    assert len(moving_norms(free)) == len(statistics_names(model)) / 3
    assert not free.training
