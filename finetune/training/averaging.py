"""Averages of the weights along training: a moving one after each step, or the mean of the last epochs' ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import get_ema_multi_avg_fn

from finetune.model.layers import Grouping
from finetune.training.durable import is_sound, write_tensors
from finetune.training.saved_states import SavedStates
from strategies import Plan

State = Mapping[str, Tensor]


def thawed_names(grouping: Grouping, plan: Plan) -> frozenset[str]:
    """Return the names of the parameters and buffers in groups that the plan lets change."""
    return frozenset(name for name, group in grouping.group_of.items() if not plan.of(group).is_frozen)


def warmed_decay(decay: float, n_updates: int) -> float:
    """Return the decay in (0, 1) of the update after ``n_updates``: min(decay, (1 + n) / (10 + n)).

    From TensorFlow's `ExponentialMovingAverage`: without it a short run's average would stay near its start.
    """
    return min(decay, (1 + n_updates) / (10 + n_updates))


class MovingAverage(pl.Callback):
    """Averages the parameters ``names`` after each optimizer step, and puts the average in their place while
    validation looks and the best weights are stored. Moving batch-norm statistics of the same layers are averaged
    with them, as torch's ``AveragedModel(use_buffers=True)`` does: they belong to the weights they were gathered
    under. All that is frozen is the network's own.

    Belongs after the callbacks that store what was validated.
    """

    def __init__(self, decay: float, names: frozenset[str]) -> None:
        self._decay = decay
        self._names = names
        self._averages: dict[str, Tensor] = {}
        self._n_updates = 0
        self._last_step = 0
        self._is_in_place = False

    def state_dict(self) -> dict[str, Any]:
        """Return the averages and how many steps are in them."""
        return {"averages": self._averages, "n_updates": self._n_updates, "last_step": self._last_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the averages."""
        self._averages = dict(state_dict["averages"])
        self._n_updates, self._last_step = state_dict["n_updates"], state_dict["last_step"]

    def on_fit_start(self, _trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin the average at the weights that training begins with."""
        for name, parameter in self._parameters(pl_module):
            average = self._averages.get(name, parameter)
            self._averages[name] = average.detach().to(parameter.device).clone()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        """Move the average, unless the batch was only summed up for a later step."""
        if trainer.global_step == self._last_step:
            return
        self._last_step = trainer.global_step
        current = {name: parameter.detach() for name, parameter in self._parameters(pl_module)}
        decay = warmed_decay(self._decay, self._n_updates)
        update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        update([self._averages[name] for name in current], list(current.values()), self._n_updates)
        self._n_updates += 1

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the average in its place."""
        if trainer.state.fn == "fit":
            self._exchange(pl_module)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the weights that are trained back."""
        if trainer.state.fn == "fit":
            self._exchange(pl_module)

    def on_fit_end(self, _trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the average in the network: nothing is trained or saved any more."""
        self._exchange(pl_module)

    @torch.no_grad()
    def _exchange(self, pl_module: pl.LightningModule) -> None:
        for name, parameter in self._parameters(pl_module):
            current = parameter.clone()
            parameter.copy_(self._averages[name])
            self._averages[name].copy_(current)

    def _parameters(self, pl_module: pl.LightningModule) -> Iterator[tuple[str, Tensor]]:
        """Yield what is averaged: the parameters, and the floating-point buffers of their layers."""
        model: nn.Module = pl_module.model  # type: ignore[assignment]
        layers = {name.rpartition(".")[0] for name in self._names}
        yield from ((name, tensor) for name, tensor in model.named_parameters() if name in self._names)
        for name, tensor in model.named_buffers():
            if tensor.is_floating_point() and name.rpartition(".")[0] in layers:
                yield name, tensor


class KeepLast(pl.Callback):
    """Keeps the tensors ``names`` as they were at the last ``n_epochs`` epochs' ends, a file each."""

    def __init__(self, states: SavedStates, names: frozenset[str], n_epochs: int) -> None:
        self._states = states
        self._names = names
        self._n_epochs = n_epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write this epoch's, before the state that relies on it; an earlier state writes its own anew."""
        epoch = trainer.current_epoch + 1
        model: nn.Module = pl_module.model  # type: ignore[assignment]
        state = {
            name: tensor.detach().cpu().contiguous()
            for name, tensor in model.state_dict().items()
            if name in self._names
        }
        write_tensors(self._states.weights_path(epoch), state, metadata={})
        self._states.prune_weights(before=epoch - self._n_epochs + 1)


def last_epochs(states: SavedStates, *, last_epoch: int, n_epochs: int) -> tuple[int, ...]:
    """Return which of the ``n_epochs`` epochs up to ``last_epoch`` have their weights kept, sound, in order."""
    epochs = range(max(1, last_epoch - n_epochs + 1), last_epoch + 1)
    return tuple(epoch for epoch in epochs if is_sound(states.weights_path(epoch)))


def mean_weights(model: nn.Module, states: SavedStates, epochs: Sequence[int]) -> dict[str, Tensor]:
    """Return the mean of the parameters kept after ``epochs`` (at least one), summed in float64.

    Buffers are those of the last of them. The names are those that were kept.
    """
    parameters = dict(model.named_parameters())
    sums: dict[str, Tensor] = {}
    newest: dict[str, Tensor] = {}
    for epoch in epochs:
        newest = load_file(states.weights_path(epoch))
        for name in newest.keys() & parameters.keys():
            sums[name] = sums.get(name, 0) + newest[name].double()
    means = {name: (total / len(epochs)).to(newest[name].dtype) for name, total in sums.items()}
    return {**newest, **means}


def moving_norms(network: nn.Module) -> list[_BatchNorm]:
    """Return the batch norms whose statistics move when ``network`` is switched to training mode."""
    was_training = network.training
    network.train()
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.training]
    network.train(was_training)
    return [norm for norm in norms if norm.track_running_stats]


@torch.no_grad()
def recompute_statistics(
    network: nn.Module, norms: Sequence[_BatchNorm], batches: Iterable[Sequence[Tensor]]
) -> None:
    """Set the running statistics of ``norms`` to the mean over ``batches``, each (images, ...).

    As `torch.optim.swa_utils.update_bn` (Izmailov et al., UAI 2018), which would reset held norms as well and
    turn dropout on.
    """
    device = next(network.parameters()).device
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for images, *_ in batches:
        network(images.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
