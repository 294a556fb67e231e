"""Weights from the hub and from files, as a user meets them: whole commands in processes of their own."""

import argparse
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Answer, Finetune, environment, finetune_process
from hub_server import Hub, hub_server
from safetensors.torch import load_file, save_file

from finetune.model.backbones import CATALOGUE, find_backbone
from finetune.model.build import build
from finetune.model.file_hash import sha256_of
from finetune.model.weights import NO_WEIGHTS

RESNET = CATALOGUE["resnet18"]
WAYS = ("--backbone tf_efficientnet_lite0", "FILE.safetensors or FILE.pth", "run once with a network")


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated weights of ResNet-18."""
    model = build(RESNET, n_classes=1000, weights=NO_WEIGHTS, seed=7, image_size=224)
    path = tmp_path_factory.mktemp("offered") / "resnet18.safetensors"
    save_file(model.state_dict(), path)
    return path


@pytest.fixture
def hub(resnet: Path) -> Iterator[Hub]:
    with hub_server({RESNET.hub_id: resnet}) as running:
        yield running


def fit(hub: Hub, home: Path, colours: Path, out: Path, *more: object, **changes: str) -> Answer:
    """Train with weights from ``hub``, whose cache is below ``home``."""
    command = ("fit", colours, "--strategy", "freeze-all", "--backbone", "resnet18", "--image-size", 64)
    variables = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "", **changes}
    return finetune_process(*command, "--workers", 0, "--out", out, *more, cwd=home.parent, **variables)


def weights_of(run: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((run / "report.json").read_text(encoding="utf-8"))["weights"]
    return found


# The hub.


def test_a_broken_download_goes_on_in_the_next_command_and_the_cache_serves_from_then_on(
    hub: Hub, resnet: Path, colours: Path, tmp_path: Path
) -> None:
    size, home = resnet.stat().st_size, tmp_path / "hf"
    check_list(home, resnet="needs download")
    hub.fail("GET", breaks_after=20_000_000, times=1)
    hub.fail("GET", breaks_after=0)
    first = fit(hub, home, colours, tmp_path / "first")
    assert first.code == 5
    assert (
        "(the connection broke off) after 20.0 of 46.8 MB, which are kept; run the same command again"
        in first.error
    )
    assert all(way in first.error for way in WAYS)
    assert first.err.count("trying again in") == 3
    assert not (tmp_path / "first").exists()

    hub.heal()
    before = len(hub.downloads())
    second = fit(hub, home, colours, tmp_path / "second")
    assert second.code == 0, second.err
    assert "downloading timm/resnet18.tv_in1k, 46.8 MB, going on at 20.0 MB" in second.err
    (request,) = hub.downloads()[before:]
    assert (request.headers["Range"], request.sent) == ("bytes=20000000-", size - 20_000_000)
    used = weights_of(tmp_path / "second")
    assert (used["source"], used["sha256"], used["licence"]) == ("hub", sha256_of(resnet), "bsd-3-clause")

    asked = len(hub.seen)
    third = fit(hub, home, colours, tmp_path / "third", "--offline")
    assert third.code == 0, third.err
    assert len(hub.seen) == asked, "--offline asks nobody"
    assert weights_of(tmp_path / "third") == {**used, "source": "cache"}
    check_list(home, resnet="in cache")


@pytest.mark.parametrize("status", [404, 500])
def test_a_hub_that_refuses_ends_with_three_ways_out(
    status: int, hub: Hub, colours: Path, tmp_path: Path
) -> None:
    hub.fail("HEAD", status=status)
    answer = fit(hub, tmp_path / "hf", colours, tmp_path / "run")
    assert answer.code == 4
    assert str(status) in answer.error
    assert all(way in answer.error for way in WAYS)
    assert not list(tmp_path.glob("run"))


def test_a_file_that_may_not_grow_is_a_matter_of_the_disk(hub: Hub, colours: Path, tmp_path: Path) -> None:
    """The system forbids the process files over 10 MB, as a full disk would."""
    program = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))\n"
        "from finetune.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "advise", str(colours), "--backbone", "resnet18"],
        env=environment(HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path / "hf"), HF_HUB_OFFLINE=""),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    assert re.search(r"error: storing timm/resnet18\.tv_in1k failed: .*; free some disk space", done.stderr)


def check_list(home: Path, *, resnet: str) -> None:
    """Every backbone is listed with parameters, input size, licence and where its weights are, JSON or not."""
    rows = finetune_process("backbones", "--json", cwd=home.parent, HF_HOME=str(home)).json
    assert [row["name"] for row in rows] == list(CATALOGUE)
    where = {"resnet18": resnet} | {name: "packaged" for name, row in CATALOGUE.items() if row.packaged}
    assert where["tf_efficientnet_lite0"] == "packaged"
    facts = ("parameters", "image_size", "licence", "weights")
    for row in rows:
        known = CATALOGUE[row["name"]]
        expected = (
            known.n_parameters,
            known.image_size,
            known.licence,
            where.get(known.name, "needs download" if known.has_weights else "none"),
        )
        assert tuple(row[fact] for fact in facts) == expected
    table = finetune_process("backbones", cwd=home.parent, HF_HOME=str(home)).out
    (line,) = [line for line in table.splitlines() if re.search(r"\bresnet18\b", line)]
    assert all(fact in line for fact in ("11.7 M", "224 px", "bsd-3-clause", resnet))


# Files.


def test_a_checkpoint_of_a_training_script_gives_its_weights(
    finetune: Finetune, colours: Path, weights: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    state = {f"module.{name}": tensor for name, tensor in load_file(weights).items()}
    path = tmp_path / "last.pth"
    torch.save({"epoch": 3, "args": argparse.Namespace(lr=0.1), "state_dict": state}, path)
    options = [str(path) if option == str(weights) else option for option in tiny]
    runs = [tmp_path / "pth", tmp_path / "safetensors"]
    for run, chosen in zip(runs, (options, tiny), strict=True):
        answer = finetune("fit", colours, "--strategy", "freeze-all", *chosen, "--out", run)
        assert answer.code == 0, answer.err
        assert (f"weights: taken from 'state_dict' in {path}" in answer.err) == (run.name == "pth")
    assert weights_of(runs[0]) == {
        "source": "file",
        "origin": f"{path}['state_dict']",
        "sha256": sha256_of(path),
        "licence": "unknown",
    }
    bundles = [load_file(run / "bundle" / "model.safetensors") for run in runs]
    assert all(torch.equal(tensor, bundles[1][name]) for name, tensor in bundles[0].items())


class Trap:
    def __init__(self, trace: str) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.trace,)


def test_bad_weights_files_end_with_their_sentence_and_run_nothing(
    finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    trace, path = tmp_path / "trace", tmp_path / "w.pth"
    optimizer = torch.optim.Adam([torch.ones(2, requires_grad=True)])
    contents = {
        "holds code ": {"w": torch.ones(2), "bait": Trap(str(trace))},
        "is a whole pickled model ": build(
            find_backbone("test_resnet"), n_classes=3, weights=NO_WEIGHTS, seed=0, image_size=64
        ),
        "is an optimizer's checkpoint ": {"optimizer": optimizer.state_dict(), "epoch": 3},
        "do not fit this backbone: of 90 tensors": {
            "fc.weight": torch.ones(3, 256),
            "fc.bias": torch.ones(3),
        },
    }
    for sentence, content in contents.items():
        torch.save(content, path)
        command = ("advise", colours, "--backbone", "test_resnet", "--weights", path)
        answer = finetune(*command)
        assert answer.code == 4
        assert sentence in answer.error
        assert not trace.exists()
    pickle.loads(pickle.dumps(Trap(str(trace))))
    assert trace.exists(), "opened carelessly, it would have run"


def test_the_help_names_both_kinds_of_files(finetune: Finetune) -> None:
    assert re.search(
        r"\.safetensors\s+or\s+\.pth", " ".join(finetune("fit", "--help").out.replace("│", " ").split())
    )
