"""The schedule at each group's rate, the score that chooses an epoch, and dropout that depends on the step alone."""

from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import N_CLASSES, batch, make_tuner, network, snapshot
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torch.utils.data import DataLoader, TensorDataset

from finetune.model.layers import layer_groups
from finetune.training.schedules import Curve
from finetune.training.tuner import Tuner
from strategies import make_strategy

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*in eval mode at the start of training"),
]


def tuner_of(
    model: nn.Module, strategy: str = "from-scratch", *, total_steps: int = 30, **choices: Any
) -> Tuner:
    grouping = layer_groups(model)
    plan = make_strategy(strategy).plan(grouping.groups)
    return make_tuner(model, grouping, plan, total_steps=total_steps, **choices)


def trainer(**options: object) -> pl.Trainer:
    settings: dict[str, object] = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
    }
    return pl.Trainer(**{**settings, **options})  # type: ignore[arg-type]


def batches(n_images: int = 6, *, batch_size: int = 4) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(TensorDataset(*batch(1, n_images)), batch_size=batch_size)


def test_every_group_follows_the_schedule_at_its_own_rate_frozen_ones_at_zero() -> None:
    class Rates(pl.Callback):
        def __init__(self) -> None:
            self.seen: list[dict[str, float]] = []

        def on_train_batch_start(self, trainer: pl.Trainer, *_: object) -> None:
            self.seen.append({group["name"]: group["lr"] for group in trainer.optimizers[0].param_groups})

    rates = Rates()
    tuner = tuner_of(network(), "partial", total_steps=6)
    trainer(max_epochs=3, callbacks=[rates]).fit(tuner, batches(), batches())
    assert [rate["fc"] for rate in rates.seen] == pytest.approx(
        [1e-3 * Curve("cosine", 6, 1)(step) for step in range(6)]
    )
    assert all(rate["layer4"] == rate["fc"] for rate in rates.seen)
    assert all(rate["stem"] == rate["layer3"] == 0 for rate in rates.seen)


def test_validation_reports_plain_loss_accuracy_and_a_score_with_ties_broken_by_the_loss() -> None:
    model = network()
    tuner = tuner_of(model)
    images, targets = batch(1, 7)
    (found,) = trainer().validate(tuner, batches(7, batch_size=3), verbose=False)
    model.eval()
    with torch.no_grad():
        logits = model(images)
    loss = F.cross_entropy(logits, targets).item()
    accuracy = (logits.argmax(dim=1) == targets).float().mean().item()
    assert found["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert found["val_accuracy"] == pytest.approx(accuracy)
    assert found["val_score"] == pytest.approx(accuracy + 0.5 / 7 / (1 + loss), rel=1e-4)


def test_a_second_validation_starts_counting_anew() -> None:
    tuner = tuner_of(network())
    (first,) = trainer().validate(tuner, batches(), verbose=False)
    (again,) = trainer().validate(tuner, batches(), verbose=False)
    assert first == again


@given(st.integers(0, 100), st.integers(1, 100), st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_loss_only_breaks_ties_of_the_score(
    n_correct: int, n_images: int, loss: float, other_loss: float
) -> None:
    """One more correct image always scores higher, whatever the two losses."""

    def score(correct: int, loss: float) -> float:
        return correct / n_images + 0.5 / n_images / (1 + loss)

    n_correct = min(n_correct, n_images - 1)
    assert score(n_correct + 1, loss) > score(n_correct, other_loss)


def test_dropout_is_drawn_from_seed_and_step_so_the_same_run_gives_the_same_bits() -> None:
    def weights(seed: int) -> dict[str, Tensor]:
        model = network()
        model.drop_rate = 0.5  # type: ignore[assignment]
        torch.manual_seed(torch.seed())  # whatever was drawn before must not matter
        trainer(max_epochs=1).fit(tuner_of(model, "freeze-all", seed=seed), batches(), batches())
        return snapshot(model)

    first, again, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    assert not torch.equal(first["fc.weight"], other["fc.weight"])


def test_training_smooths_its_labels() -> None:
    tuner = tuner_of(network())
    seen: list[float] = []

    class Losses(pl.Callback):
        def on_train_batch_end(
            self, _trainer: object, _module: object, outputs: dict[str, Tensor], *_: object
        ) -> None:
            seen.append(outputs["loss"].item())

    model = network()
    model.train()
    images, targets = batch(1, 6)
    with torch.no_grad():
        logits = model(images)
    trainer(max_epochs=1, callbacks=[Losses()]).fit(tuner, batches(batch_size=6), batches())
    smoothed = F.cross_entropy(logits, targets, label_smoothing=0.1).item()
    assert seen == [pytest.approx(smoothed, rel=1e-4)]
    assert smoothed != pytest.approx(F.cross_entropy(logits, targets).item(), rel=1e-4)
    assert logits.shape == (6, N_CLASSES)


def test_a_step_keeps_nothing_for_a_backward_pass_below_the_freeze_line() -> None:
    """All that autograd keeps comes from the last stage on, without any cache."""
    model = network()
    grouping = layer_groups(model)
    tuner = make_tuner(model, grouping, make_strategy("partial").plan(grouping.groups)).train()
    exits: dict[str, torch.Tensor] = {}
    for name in ("layer3", "layer4"):
        model.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: exits.update({name: output})
        )
    kept: list[torch.Tensor] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        tuner(batch(0)[0])
    assert exits["layer3"].grad_fn is None
    assert exits["layer4"].grad_fn is not None
    frozen = {id(parameter) for parameter in model.parameters() if not parameter.requires_grad}
    assert not frozen & {id(tensor) for tensor in kept}
    maps = {tensor.shape[-1] for tensor in kept if tensor.ndim == 4 and tensor.shape[0] == 2}
    assert max(maps) == exits["layer3"].shape[-1]


class Losses(pl.Callback):
    """What each step made small."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_end(
        self, _trainer: object, _module: object, outputs: dict[str, Tensor], *_: object
    ) -> None:
        self.seen.append(outputs["loss"].item())


def test_the_logged_training_loss_is_that_of_the_data_without_the_penalties() -> None:
    losses = Losses()
    model = network()
    squares = sum(float(p.detach().square().sum()) for p in model.parameters() if p.ndim > 1)
    fitting = trainer(max_epochs=1, callbacks=[losses])
    fitting.fit(tuner_of(model, l2=0.01), batches(batch_size=6), batches())
    logged = fitting.callback_metrics["train_loss"].item()
    assert losses.seen == [pytest.approx(logged + 0.01 * squares, rel=1e-5)]
    assert fitting.callback_metrics["val_loss"].item() < logged + 0.005 * squares


def test_the_classes_are_weighed_by_how_rare_they_are() -> None:
    losses = Losses()
    model = network().train()
    images, targets = batch(1, 6)
    with torch.no_grad():
        nats = F.cross_entropy(model(images), targets, reduction="none")
    tuner = tuner_of(network(), class_counts=(1, 2, 3), class_balance="weights", label_smoothing=0.0)
    trainer(max_epochs=1, callbacks=[losses]).fit(tuner, batches(batch_size=6), batches())
    expected = (nats * torch.tensor([2.0, 1.0, 2 / 3])[targets]).mean().item()
    assert losses.seen == [pytest.approx(expected, rel=1e-4)]


def test_mixing_is_drawn_from_seed_and_step_and_leaves_validation_alone() -> None:
    def outcome(**choices: Any) -> tuple[dict[str, Tensor], list[float]]:
        model, losses = network(), Losses()
        torch.manual_seed(torch.seed())  # whatever was drawn before must not matter
        tuner = tuner_of(model, "freeze-all", **choices)
        trainer(max_epochs=1, callbacks=[losses]).fit(tuner, batches(), batches())
        return snapshot(model), losses.seen

    mixed, again, plain = (outcome(mixup=1.0, cutmix=1.0), outcome(mixup=1.0, cutmix=1.0), outcome())
    assert all(torch.equal(tensor, again[0][name]) for name, tensor in mixed[0].items())
    assert mixed[1] == again[1] != outcome(mixup=1.0, cutmix=1.0, seed=1)[1]
    assert mixed[1] != plain[1]
    (plainly,), (mixedly,) = (
        trainer().validate(tuner_of(network(), **choices), batches(), verbose=False)
        for choices in ({}, {"mixup": 1.0})
    )
    assert plainly == mixedly
