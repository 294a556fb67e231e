"""What the plan holds stays as it was through whole epochs of a real Trainer, validation in between."""

import pytest
import pytorch_lightning as pl
from networks import Stepped, batch, make_tuner, moved, network, snapshot, statistics_names
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from finetune.model.layers import layer_groups
from strategies import STRATEGIES, make_strategy

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*in eval mode at the start of training"),
]

N_IMAGES = 6
BATCH_SIZE = 2
EPOCHS = 2


class Modes(pl.Callback):
    """Writes down, at each training step, which modules train."""

    def __init__(self) -> None:
        self.seen: list[set[str]] = []

    def on_train_batch_start(self, _trainer: pl.Trainer, module: pl.LightningModule, *_: object) -> None:
        self.seen.append({name for name, part in module.model.named_modules() if part.training})


def batches() -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(TensorDataset(*batch(1, N_IMAGES)), batch_size=BATCH_SIZE)


@pytest.fixture(scope="module", params=STRATEGIES)
def fitted(request: pytest.FixtureRequest) -> tuple[Stepped, Modes]:
    model = network()
    grouping = layer_groups(model)
    plan = make_strategy(request.param).plan(grouping.groups)
    before = snapshot(model)
    tuner = make_tuner(model, grouping, plan, total_steps=EPOCHS * N_IMAGES // BATCH_SIZE)
    modes = Modes()
    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[modes],
    )
    trainer.validate(tuner, batches(), verbose=False)
    trainer.fit(tuner, batches(), batches())
    assert trainer.global_step == EPOCHS * N_IMAGES // BATCH_SIZE
    return Stepped(tuner, model, grouping, plan, before, snapshot(model), trainer.optimizers[0]), modes


def test_after_two_epochs_the_frozen_tensors_and_held_statistics_are_bit_identical(
    fitted: tuple[Stepped, Modes],
) -> None:
    stepped, _ = fitted
    held = {
        name
        for name in statistics_names(stepped.model)
        if stepped.plan.of(stepped.grouping.group_of[name]).hold_statistics
    }
    still = stepped.tensors_of(frozen=True) | held
    assert moved(stepped.before, stepped.after) == set(stepped.before) - still


def test_validation_in_between_changes_no_mode(fitted: tuple[Stepped, Modes]) -> None:
    stepped, modes = fitted
    assert len(modes.seen) == EPOCHS * N_IMAGES // BATCH_SIZE
    assert all(seen == modes.seen[0] for seen in modes.seen)
    assert stepped.grouping.head.name in modes.seen[0]
