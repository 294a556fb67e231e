"""Heads, baselines and normalisation from the command line to a prediction, and what cannot be in one sentence."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Finetune
from killing import draw_hard, kill_when, n_rows, outcome, start
from safetensors.torch import load_file

EPOCH = ("--epochs", "1")
DENSE = ("--head", "dense", "--hidden", "6", "--activation", "tanh")


def report_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("strategy", "head"),
    [
        ("freeze-all", (*DENSE, *EPOCH)),
        ("freeze-all", ("--head", "cosine", *EPOCH)),
        ("freeze-all", ("--head", "multi-stage")),
        ("partial", (*DENSE, *EPOCH)),
    ],
    ids=lambda value: value if isinstance(value, str) else value[1],
)
def test_a_head_is_trained_written_scored_and_used(
    finetune: Finetune,
    colours: Path,
    tiny: tuple[str, ...],
    strategy: str,
    head: tuple[str, ...],
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    answer = finetune("fit", colours, "--strategy", strategy, *tiny, *head, "--out", run)
    assert answer.code == 0, answer.err
    assert json.loads((run / "bundle" / "head.json").read_text())["kind"] == head[1]
    report = report_of(run)
    scored = finetune("evaluate", run, colours, "--json")
    assert scored.code == 0, scored.err
    predicted = finetune("predict", run, colours / "apple", "--json")
    assert predicted.code == 0, predicted.err
    assert len(predicted.json) == 14
    if head[1] == "multi-stage":
        assert report["accuracy"] == 1
        assert report["selection_split"] is None
    else:
        assert report["selection_split"] == (None if strategy == "freeze-all" else "val")
    if strategy == "freeze-all":
        assert 0 < report["trainable_share"] < 0.1


def test_a_filled_recipe_with_a_dense_head_repeats_the_run(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    options = ("--strategy", "partial", "--head", "dense", *EPOCH)
    assert finetune("fit", colours, *options, *tiny, "--out", first).code == 0
    assert finetune("fit", colours, "--recipe", first / "recipe.yaml", "--out", again).code == 0
    recipe = (first / "recipe.yaml").read_text()
    assert recipe == (again / "recipe.yaml").read_text()
    assert all(line in recipe for line in ("head: dense", "- 256", "activation: relu", "dropout: 0.5"))
    for name in ("model.safetensors", "head.safetensors"):
        one, other = (load_file(run / "bundle" / name) for run in (first, again))
        assert all(torch.equal(tensor, other[key]) for key, tensor in one.items())


def test_freeze_all_with_a_dense_head_leaves_the_body_bit_identical(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], weights: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert finetune("fit", colours, "--strategy", "freeze-all", *DENSE, *tiny, *EPOCH, "--out", run).code == 0
    body, before = load_file(run / "bundle" / "model.safetensors"), load_file(weights)
    assert all(torch.equal(tensor, before[name]) for name, tensor in body.items())
    assert not any(name.startswith("fc.") for name in body)


@pytest.mark.parametrize("strategy", ["freeze-all", "partial"])
def test_a_run_with_a_dense_head_that_is_killed_comes_to_the_same_bits(
    finetune: Finetune, tiny: tuple[str, ...], strategy: str, tmp_path: Path
) -> None:
    data = draw_hard(tmp_path / "data")
    options = (
        "fit",
        data,
        "--strategy",
        strategy,
        *DENSE,
        *tiny,
        "--epochs",
        "12",
        "--early-stopping",
        "val_loss",
        "--patience",
        "12",
    )
    assert finetune(*options, "--out", tmp_path / "undisturbed").code == 0
    run = tmp_path / "run"
    process = start(*options, "--out", run, cwd=tmp_path)
    kill_when(process, lambda: n_rows(run) >= 4, signal.SIGKILL)
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0, answer.err
    assert "going on after epoch" in answer.err
    assert outcome(run) == outcome(tmp_path / "undisturbed")
    heads = [(run / "bundle" / "head.safetensors").read_bytes() for run in (run, tmp_path / "undisturbed")]
    assert heads[0] == heads[1]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fc2", ("--hidden", "8", "--activation", "sigmoid")),
        ("fc3", ("--hidden", "8,6", "--dropout", "0.3")),
        ("cnn-small", ("--hidden", "8", "--activation", "leaky-relu", "--negative-slope", "0.2")),
    ],
)
def test_a_baseline_trains_from_scratch_by_itself_and_is_used_like_any_other(
    finetune: Finetune, colours: Path, name: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    small = ("--image-size", "32", "--workers", "0", *EPOCH)
    answer = finetune("fit", colours, "--backbone", name, *options, *small, "--out", run)
    assert answer.code == 0, answer.err
    assert (
        f"strategy from-scratch: {name} has no pretrained weights, so there is nothing to keep" in answer.err
    )
    report = report_of(run)
    assert (report["strategy"], report["backbone"], report["trainable_share"]) == ("from-scratch", name, 1)
    assert json.loads((run / "bundle" / "preprocess.json").read_text())["mean"] != [0.5, 0.5, 0.5]
    model_args = json.loads((run / "bundle" / "config.json").read_text())["model_args"]
    assert model_args["hidden"] == [int(width) for width in options[1].split(",")]
    predicted = finetune("predict", run, colours / "apple", "--json")
    assert (predicted.code, len(predicted.json)) == (0, 14)


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (("--backbone", "fc2", "--strategy", "partial"), 2, "fc2 has no pretrained weights, but strategy"),
        (("--backbone", "fc2", "--weights", "hub"), 2, "--weights hub has no effect with fc2, which has no"),
        (("--backbone", "cnn_smal"), 4, "did you mean 'cnn-small'"),
        (("--backbone", "fc2", "--stochastic-depth", "0.1"), 2, "skips residual blocks, but fc2 has none"),
        (("--backbone", "fc2", "--grow-from", "16"), 2, "for inputs of any size, but fc2 is built for one"),
        (("--backbone", "fc2", "--hidden", "8,8"), 2, "gives 2 hidden layers, but there can be 1"),
        (
            ("--backbone", "vgg11", "--strategy", "from-scratch", "--stochastic-depth", "0.1"),
            2,
            "vgg11 has none; leave it out, or choose a backbone that has them, such as resnet18",
        ),
    ],
)
def test_what_cannot_be_is_said_before_training_begins(
    finetune: Finetune, colours: Path, options: tuple[str, ...], code: int, text: str, tmp_path: Path
) -> None:
    answer = finetune("fit", colours, *options, "--out", tmp_path / "run")
    assert answer.code == code, answer.err
    assert text in answer.error
    assert not (tmp_path / "run").exists()


FROM_SCRATCH = ("--strategy", "from-scratch", "--image-size", "64")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--backbone", "vgg16_bn", "--stochastic-depth", "0.1"), "but vgg16_bn has none; leave it out"),
        (("--backbone", "vgg11.tv_in1k", "--stochastic-depth", "0.1"), "but vgg11.tv_in1k has none"),
        (("--backbone", "fc3", "--grow-from", "16"), "but fc3 is built for one; leave it out"),
        (("--backbone", "cnn-small", "--grow-from", "32"), "but cnn-small is built for one; leave it out"),
        (("--backbone", "test_vit", *FROM_SCRATCH, "--grow-from", "32"), "but test_vit is built for one"),
        (
            ("--backbone", "densenet121", *FROM_SCRATCH, "--stochastic-depth", "0.1"),
            "densenet121 has none that timm can skip; leave it out, or choose one of resnet18",
        ),
    ],
)
def test_what_the_network_cannot_take_is_said_before_the_images_are_looked_for(
    finetune: Finetune, options: tuple[str, ...], text: str, tmp_path: Path
) -> None:
    answer = finetune("fit", tmp_path / "nowhere", *options, "--out", tmp_path / "run")
    assert answer.code == 2, answer.err
    assert text in answer.error
    assert not (tmp_path / "run").exists()


def test_what_a_baseline_gains_by_its_weights_cannot_be_advised_on(finetune: Finetune, colours: Path) -> None:
    answer = finetune("advise", colours, "--backbone", "fc3")
    assert (answer.code, "so --backbone fc3 cannot be advised on" in answer.error) == (2, True)


def test_statistics_and_normalisation_of_the_user_s_choice_are_said_and_kept(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    answer = finetune(
        *(
            "fit",
            colours,
            "--strategy",
            "partial",
            *tiny,
            *EPOCH,
            "--batch-size",
            "8",
            "--batch-norm",
            "train",
        ),
        *("--no-head-first", "--normalization", "dataset", "--stochastic-depth", "0.2", "--out", run),
    )
    assert answer.code == 0, answer.err
    assert "note: --batch-norm train moves pretrained statistics by batches of 8 images" in answer.err
    assert json.loads((run / "bundle" / "preprocess.json").read_text())["mean"] != [0.5, 0.5, 0.5]
    recipe = (run / "recipe.yaml").read_text()
    assert all(line in recipe for line in ("batch_norm: train", "normalization: dataset"))
