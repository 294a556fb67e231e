"""Where memory runs out, batches are halved, a step still sees as many images, and training goes on."""

import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learners import Heard, learner_in, run
from networks import moved, snapshot

from finetune.errors import ResourceError
from finetune.recipe import Recipe
from finetune.training.memory import halved, is_out_of_memory, release

ROOT = Path(__file__).parents[2]
PIB = 2**50


@given(st.integers(4, 4096), st.integers(1, 100))
def test_half_the_batch_twice_the_accumulation(batch_size: int, accumulate: int) -> None:
    after = halved(Recipe(batch_size=batch_size, accumulate=accumulate))
    assert (after.batch_size, after.accumulate) == (batch_size // 2, 2 * accumulate)


@pytest.mark.parametrize("batch_size", [2, 3])
def test_the_smallest_batch_cannot_be_halved(batch_size: int) -> None:
    with pytest.raises(ResourceError) as refused:
        halved(Recipe(backbone="vgg16", batch_size=batch_size, image_size=64))
    assert str(refused.value) == (
        f"not enough memory to train vgg16 on {batch_size} images of 64 px at once, and no smaller batch is left to "
        "try; use a smaller --image-size, or a smaller --backbone (`finetune backbones` lists their sizes), or close "
        "other programs"
    )


def test_real_failures_to_get_memory_are_told_from_other_errors() -> None:
    for ask in (lambda: torch.empty(PIB), lambda: np.empty(PIB), lambda: torch.zeros(2) @ torch.zeros(3)):
        with pytest.raises((RuntimeError, MemoryError), match=r"memory|allocate|inconsistent") as failed:
            ask()
        assert is_out_of_memory(failed.value) == ("inconsistent" not in str(failed.value))
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert not is_out_of_memory(OSError("No space left on device"))


def make_greedy(model: torch.nn.Module, most: int, *, after_batches: int = 0) -> None:
    """Let a training batch of more than ``most`` images ask for more memory than there is, copies included."""
    left = after_batches

    def look(_model: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        nonlocal left
        if torch.is_grad_enabled():
            left -= 1
            if left < 0 and len(inputs[0]) > most:
                torch.empty(PIB)

    model.register_forward_pre_hook(look)


def test_what_shows_in_the_trial_is_mended_before_the_first_step(tmp_path: Path) -> None:
    learner = learner_in(tmp_path, "from-scratch", n_train=16)
    make_greedy(learner.model, most=2)
    heard = Heard()
    _, trained, folder = run(tmp_path, "from-scratch", learner=learner, heard=heard, batch_size=8)
    assert heard.said[:2] == [
        "not enough memory for batches of 8 images; going on with 4, 2 of them to an optimizer step, so that a "
        "step still sees 8 images",
        "not enough memory for batches of 4 images; going on with 2, 4 of them to an optimizer step, so that a "
        "step still sees 8 images",
    ]
    assert (trained.recipe.batch_size, trained.recipe.accumulate) == (2, 4)
    assert Recipe.read(folder.recipe) == trained.recipe
    assert heard.counts["training"][-1] == (4, 4)


@pytest.mark.parametrize("epochs_before", [0, 1])
def test_memory_that_runs_out_later_costs_the_epoch_and_nothing_else(
    tmp_path: Path, epochs_before: int
) -> None:
    """As if it had had the smaller batches from that epoch on: for the first epoch that can be run."""
    timed = 2
    learner = learner_in(tmp_path, "full-finetune", n_train=16)
    make_greedy(learner.model, most=4, after_batches=timed + 2 * epochs_before + 1)
    heard = Heard()
    _, trained, folder = run(tmp_path, "full-finetune", learner=learner, heard=heard, batch_size=8, epochs=3)
    assert [row.epoch for row in trained.rows] == [0, 1, 2, 3]
    assert trained.stopped == "all epochs done"
    assert Recipe.read(folder.recipe).batch_size == trained.recipe.batch_size == 4
    assert sum("not enough memory" in said for said in heard.said) == 1
    if epochs_before == 0:
        twin, same, _ = run(
            tmp_path / "twin",
            "full-finetune",
            learner=learner_in(tmp_path / "twin", "full-finetune", n_train=16),
            batch_size=4,
            accumulate=2,
            epochs=3,
        )
        assert not moved(snapshot(twin.model), learner.model.state_dict())
        assert [row.val_loss for row in same.rows] == [row.val_loss for row in trained.rows]


def test_memory_that_never_suffices_ends_in_one_sentence(tmp_path: Path) -> None:
    learner = learner_in(tmp_path, "from-scratch")
    make_greedy(learner.model, most=0)
    said = r"not enough memory to train test_resnet on 2 images of 32 px .* or a smaller --backbone"
    with pytest.raises(ResourceError, match=said):
        run(tmp_path, "from-scratch", learner=learner)


class Fails(torch.autograd.Function):
    """Has no gradient to give."""

    @staticmethod
    def forward(_context: object, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(_context: object, *_gradients: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("not enough memory")


def test_what_a_failed_backward_pass_held_is_given_back() -> None:
    """torch keeps it otherwise, all activations of the batch that was too large."""

    def attempt() -> weakref.ref[torch.Tensor]:
        weight = torch.ones(1000, requires_grad=True)
        activation = weight * 2
        held = weakref.ref(activation)
        older = activation.square().sum()
        failing: torch.Tensor = Fails.apply(weight.exp()).sum()  # type: ignore[no-untyped-call]
        with pytest.raises(RuntimeError, match="not enough memory"):
            (older + failing).backward()  # type: ignore[no-untyped-call]
        return held

    held = attempt()
    release()
    assert held() is None


LIMITED = """
import resource, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from learners import Heard, learner_in, run
import matplotlib.pyplot, pytorch_lightning  # loaded before memory is counted
folder = Path(sys.argv[1])
learner = learner_in(folder, "from-scratch", n_train=64)
learner.model(torch.zeros(2, 3, 256, 256)).sum().backward()
for parameter in learner.model.parameters():
    parameter.grad = None
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 600 * 2**20,) * 2)
import dataclasses
learner = dataclasses.replace(learner, preprocessing=dataclasses.replace(learner.preprocessing, image_size=256))
heard = Heard()
_, trained, _ = run(folder, "from-scratch", learner=learner, heard=heard, batch_size=64, epochs=1, image_size=256)
print("\\n".join(heard.said))
print("ended", trained.recipe.batch_size, trained.recipe.accumulate, trained.stopped)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
def test_a_process_that_may_have_little_memory_trains_with_smaller_batches(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "not enough memory for batches of 64 images; going on with 32, 2 of them" in done.stdout
    _, batch_size, accumulate, *stopped = done.stdout.splitlines()[-1].split()
    assert int(batch_size) < 64
    assert int(batch_size) * int(accumulate) == 64
    assert " ".join(stopped) == "all epochs done"
