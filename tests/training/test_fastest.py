"""Training computes in the precision that is asked for, or that real steps show to be faster."""

from pathlib import Path
from typing import Any

import pytest
import torch
from learners import Heard, learner_in, recipe_of, run
from networks import batch, moved, network, snapshot

import finetune.training.fastest as fastest_module
from finetune.model.precision import Concrete, detect
from finetune.training.fastest import settle_precision, timed
from finetune.training.settle import make_tuner

HAS_BF16 = detect() == "bf16"


def settle(folder: Path, heard: Heard, **changes: Any) -> Concrete:
    learner, recipe = learner_in(folder), recipe_of(**changes)
    return settle_precision(
        recipe,
        lambda precision: make_tuner(learner, recipe.with_changes(precision=precision)),
        lambda: batch(0, 4),
        heard,
    )


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_was_chosen_is_taken_without_timing(tmp_path: Path, precision: str) -> None:
    assert settle(tmp_path, Heard(), precision=precision) == precision


def test_a_small_network_trains_in_fp32_whatever_the_clock_says(tmp_path: Path) -> None:
    assert settle(tmp_path, Heard()) == settle(tmp_path / "again", Heard(), precision="auto") == "fp32"


@pytest.mark.skipif(not HAS_BF16, reason="this computer has no bf16")
@pytest.mark.parametrize(
    ("bf16_s", "changes", "chosen"),
    [(0.5, {}, "bf16"), (0.9, {}, "fp32"), (2.0, {}, "fp32"), (0.1, {"deterministic": True}, "fp32")],
)
def test_the_clearly_faster_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bf16_s: float, changes: dict[str, Any], chosen: str
) -> None:
    monkeypatch.setattr(fastest_module, "SMALL_NETWORK", 0)
    monkeypatch.setattr(fastest_module, "timed", lambda *_: {"fp32": 1.0, "bf16": bf16_s})
    heard = Heard()
    assert settle(tmp_path, heard, **changes) == chosen
    said = ["precision bf16: a step is 2.0 times as fast as in fp32 here"]
    assert heard.said == (said if chosen == "bf16" else [])


def test_timing_leaves_the_network_as_it_is(tmp_path: Path) -> None:
    learner, recipe = learner_in(tmp_path), recipe_of()
    before = snapshot(learner.model)
    times = timed(
        ("fp32", "bf16"),
        lambda precision: make_tuner(learner, recipe.with_changes(precision=precision)),
        batch(0, 4),
    )
    assert set(times) == {"fp32", "bf16"}
    assert min(times.values()) > 0
    assert not moved(before, snapshot(learner.model))


def test_large_images_are_timed_on_few_and_small_ones_on_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner, recipe, shapes = learner_in(tmp_path), recipe_of(), []
    step = fastest_module.Trial.step

    def watched(trial: Any, images: torch.Tensor, targets: torch.Tensor) -> float:
        shapes.append((len(images), len(targets)))
        return step(trial, images, targets)

    monkeypatch.setattr(fastest_module.Trial, "step", watched)
    for side in (32, 320, 2048):
        images = torch.zeros(6, 3, side, side)
        timed(("fp32",), lambda _: make_tuner(learner, recipe), (images, torch.zeros(6, dtype=torch.long)))
    assert shapes == [(6, 6)] * 4 + [(3, 3)] * 4 + [(2, 2)] * 4


def test_a_run_in_bf16_is_near_one_in_fp32_and_keeps_float32_weights(tmp_path: Path) -> None:
    runs = {}
    for precision in ("fp32", "bf16"):
        learner = learner_in(tmp_path / precision, "full-finetune")
        _, trained, _ = run(tmp_path / precision, "full-finetune", learner=learner, precision=precision)
        assert trained.recipe.precision == precision
        assert {tensor.dtype for tensor in learner.model.parameters()} == {torch.float32}
        runs[precision] = [row.val_loss for row in trained.rows]
    assert runs["bf16"] != runs["fp32"]
    assert runs["bf16"] == pytest.approx(runs["fp32"], rel=0.05)


def test_logits_are_float32_in_every_precision(tmp_path: Path) -> None:
    tuner = make_tuner(learner_in(tmp_path), recipe_of(precision="bf16"))
    logits = tuner.eval()(batch(0)[0])
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, network().eval()(batch(0)[0]))
