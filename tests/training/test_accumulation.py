"""Several batches to one optimizer step give the step of one large batch, at an epoch's end too."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given
from hypothesis import strategies as st
from learners import AT_32
from networks import N_CLASSES, batch, network
from torch.utils.data import DataLoader, TensorDataset

from finetune.data.loading import training_loader
from finetune.data.transforms import TrainingTransform
from finetune.model.layers import layer_groups
from finetune.recipe import Recipe
from finetune.training.accumulation import Accumulation
from finetune.training.lengths import optimizer_steps_per_epoch
from finetune.training.tuner import Tuner
from strategies import make_strategy

N_IMAGES = 10


@given(st.integers(1, 300), st.integers(2, 40), st.integers(1, 12))
def test_the_images_of_a_step_count_alike_and_every_step_counts_once(
    n_images: int, batch_size: int, accumulate: int
) -> None:
    plan = Accumulation(n_images, batch_size, accumulate)
    weights = [plan.weight(index) for index in range(plan.n_batches)]
    groups = [weights[first : first + accumulate] for first in range(0, len(weights), accumulate)]
    assert len(groups) == plan.n_steps == optimizer_steps_per_epoch(n_images, batch_size, accumulate)
    assert all(sum(group) / accumulate == pytest.approx(1) for group in groups)
    full = n_images // (batch_size * accumulate)
    assert all(weight == 1 for group in groups[:full] for weight in group)


@pytest.mark.parametrize("n_images", [1, 7, 8, 9, 13, 16])
def test_the_plan_has_the_batches_of_the_loader(n_images: int) -> None:
    transform = TrainingTransform(AT_32, "none", 0)
    loader = training_loader([Path("none")] * n_images, [0] * n_images, transform, batch_size=4)
    assert Accumulation(n_images, 4, 3).n_batches == len(loader)


class Gradients(pl.Callback):
    """Remembers the gradients of each optimizer step, before clipping."""

    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []

    def on_before_optimizer_step(self, _trainer: Any, module: Any, _optimizer: Any) -> None:
        gradients = [p.grad.flatten() for p in module.parameters() if p.grad is not None]
        self.steps.append(torch.cat(gradients).clone())


def gradients(batch_size: int, accumulate: int) -> list[torch.Tensor]:
    """The gradients of one epoch at a rate of next to nothing; batch-norm statistics are held."""
    model = network()
    grouping = layer_groups(model)
    recipe = Recipe.make(epochs=1, lr=1e-12, weight_decay=0.0, label_smoothing=0.1, accumulate=accumulate)
    plan = Accumulation(N_IMAGES, batch_size, accumulate)
    tuner = Tuner(
        model, grouping, make_strategy("full-finetune").plan(grouping.groups), recipe,
        n_classes=N_CLASSES, steps_per_epoch=plan.n_steps, accumulation=plan,
    )  # fmt: skip
    seen = Gradients()
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, accumulate_grad_batches=accumulate, callbacks=[seen], num_sanity_val_steps=0,
    )  # fmt: skip
    loader = DataLoader(TensorDataset(*batch(1, N_IMAGES)), batch_size=batch_size)
    trainer.fit(tuner, loader, loader)
    return seen.steps


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*in eval mode at the start")
@pytest.mark.parametrize(
    ("whole", "batch_size", "accumulate", "n_steps"), [(4, 2, 2, 3), (8, 4, 2, 2), (10, 4, 3, 1)]
)
def test_batches_add_up_to_one_large_batch_whatever_the_last_ones_sizes(
    whole: int, batch_size: int, accumulate: int, n_steps: int
) -> None:
    expected, found = gradients(whole, 1), gradients(batch_size, accumulate)
    assert len(expected) == len(found) == n_steps
    for one, sum_of_parts in zip(expected, found, strict=True):
        assert one.abs().max() > 1e-3
        assert torch.allclose(one, sum_of_parts, rtol=1e-4, atol=1e-6)
