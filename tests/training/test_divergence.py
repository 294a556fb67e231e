"""A loss that is no number, or has grown tenfold, ends training at once, with the last good weights."""

import re
from pathlib import Path

import pytest
import torch
from learners import Heard, learner_in, run
from networks import moved, snapshot
from safetensors.torch import load_file

from finetune.training.saved_states import SavedStates


def test_the_step_is_named_and_the_weights_from_before_are_kept(tmp_path: Path) -> None:
    """The fourth batch, the second of the second epoch, gives no number any more."""
    learner = learner_in(tmp_path, "from-scratch")
    head = learner.model.get_submodule("fc")
    n_batches = 0

    def spoil(_module: object, _inputs: object, logits: torch.Tensor) -> torch.Tensor:
        nonlocal n_batches
        if not (head.training and torch.is_grad_enabled()):
            return logits
        n_batches += 1
        return logits * float("nan") if n_batches - n_timed == 4 else logits

    n_timed = 2  # batches of the trial that measures the speed
    head.register_forward_hook(spoil)
    heard = Heard()
    _, trained, folder = run(tmp_path, "from-scratch", learner=learner, heard=heard, epochs=5)
    best = max(trained.rows, key=lambda row: row.val_score).epoch
    assert trained.stopped == (
        "training diverged: the training loss became nan at step 4 (epoch 2, learning rate 0.00088); kept are the "
        f"weights of {'epoch 1' if best else 'the start'}; try --lr 0.0001 or --clip-norm 0.1"
    )
    assert heard.said[-1] == f"warning: {trained.stopped}"
    assert trained.diverged
    assert trained.notes[0] == trained.stopped
    assert n_batches - n_timed == 4, "it went on after the loss was no number"
    assert [row.epoch for row in trained.rows] == [0, 1]
    found = SavedStates(folder.states).newest_best()
    assert found is not None
    assert not moved(load_file(found[1]), learner.model.state_dict())


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, "try --lr 1 or --clip-norm 0.1"),
        ({"clip_norm": 0}, "try --lr 1 or --clip-norm 1"),
    ],
)
def test_a_loss_that_has_grown_tenfold_over_an_epoch_ends_it(
    tmp_path: Path, changes: dict[str, float], advice: str
) -> None:
    before = snapshot(learner_in(tmp_path / "twin", "from-scratch").model)
    learner, trained, _ = run(tmp_path, "from-scratch", lr=10, epochs=8, augment="none", **changes)
    assert re.match(
        r"training diverged: the (training|validation) loss (grew from .* to|became) ", trained.stopped
    )
    assert trained.stopped.endswith(f"; {advice}")
    assert f"kept are the weights of {trained.finish.movement.kept}; " in trained.stopped
    assert len(trained.rows) < 8
    if max(trained.rows, key=lambda row: row.val_score).epoch == 0:
        assert not moved(before, learner.model.state_dict())


def test_a_loss_that_only_wavers_does_not(tmp_path: Path) -> None:
    _, trained, _ = run(tmp_path, "from-scratch", lr=3e-2, epochs=3)
    assert trained.stopped == "all epochs done"
    assert not trained.diverged
