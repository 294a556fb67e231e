"""The schedule, the score that chooses an epoch, and dropout that depends on the step alone."""

import math

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
from finetune.training.tuner import Tuner, warm_cosine
from strategies import make_strategy

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*in eval mode at the start of training"),
]


def tuner_of(
    model: nn.Module, strategy: str = "from-scratch", *, total_steps: int = 30, seed: int = 0
) -> Tuner:
    grouping = layer_groups(model)
    return make_tuner(
        model, grouping, make_strategy(strategy).plan(grouping.groups), total_steps=total_steps, seed=seed
    )


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


@pytest.mark.parametrize(
    ("step", "factor"),
    [
        (0, 0.1),
        (4, 0.5),
        (9, 1.0),
        (10, 1.0),
        (55, 0.5),
        (32, 0.5 * (1 + math.cos(math.pi * 22 / 90))),
        (100, 0.0),
        (1000, 0.0),
    ],
)
def test_the_rate_rises_over_a_tenth_and_falls_along_a_cosine(step: int, factor: float) -> None:
    assert warm_cosine(step, 100) == pytest.approx(factor, abs=1e-9)


@given(st.integers(0, 20_000), st.integers(1, 10_000))
def test_the_factor_lies_in_zero_to_one_and_the_first_step_moves(step: int, total_steps: int) -> None:
    assert 0 <= warm_cosine(step, total_steps) <= 1
    assert warm_cosine(0, total_steps) > 0


@given(st.integers(1, 2_000))
def test_the_factor_reaches_one_then_never_rises(total_steps: int) -> None:
    factors = [warm_cosine(step, total_steps) for step in range(total_steps + 1)]
    peak = factors.index(1.0)
    assert peak <= max(1, total_steps / 10)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert factors[-1] == pytest.approx(0, abs=1e-9) or total_steps == 1


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
        [1e-3 * warm_cosine(step, 6) for step in range(6)]
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
