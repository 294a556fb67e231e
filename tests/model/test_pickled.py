"""A pickle is opened in a process of its own, gives its tensors bit for bit, and never runs what it holds."""

import argparse
import collections
import io
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import network, snapshot
from safetensors.torch import save_file
from torch import Tensor, nn

import finetune.model.pickled as pickled_module
from finetune.errors import ResourceError, WeightsError
from finetune.model.backbones import CATALOGUE
from finetune.model.build import build
from finetune.model.file_hash import sha256_of
from finetune.model.pickled import read_pickled
from finetune.model.weights import locate_weights

TINY = CATALOGUE["test_resnet"]


def read(path: Path) -> dict[str, Tensor]:
    return read_pickled(path, sha256_of(path))[0]


def bits(tensor: Tensor) -> bytes:
    return bytes(tensor.contiguous().flatten().view(torch.uint8).numpy())


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    read_pickled.cache_clear()


class Trap:
    """Makes the file ``path`` when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.path}'",)


class Opener(Trap):
    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


# What arrives.


@pytest.mark.parametrize(("suffix", "as_zip"), [(".pth", True), (".pt", False), (".bin", True)])
def test_tensors_arrive_bit_for_bit(suffix: str, as_zip: bool, tmp_path: Path) -> None:
    base = torch.randn(6, 4)
    state = {
        "whole": base,
        "shared": base[2:5],
        "turned": base.t(),
        "column": base[:, 1],
        "scalar": torch.tensor(7),
        "empty": torch.empty(0, 3),
        "nan": torch.tensor([float("nan"), -0.0, float("inf")]),
        "half": torch.randn(5).half(),
        "brain": torch.randn(5).bfloat16(),
        "truth": torch.tensor([True, False]),
        "parameter": nn.Parameter(torch.randn(3)),
    }
    path = tmp_path / f"w{suffix}"
    torch.save(state, path, _use_new_zipfile_serialization=as_zip)
    arrived = read(path)
    assert list(arrived) == list(state)
    for name, tensor in state.items():
        assert (arrived[name].dtype, arrived[name].shape) == (tensor.dtype, tensor.shape), name
        assert bits(arrived[name]) == bits(tensor.detach()), name


def test_a_network_is_built_from_a_pth_file_as_from_a_safetensors_file(tmp_path: Path) -> None:
    state = snapshot(network("test_resnet", n_classes=1000, seed=7))
    torch.save(state, tmp_path / "w.pth")
    save_file(state, tmp_path / "w.safetensors")
    models = [
        build(TINY, n_classes=3, weights=locate_weights(TINY, str(path), offline=True), seed=1, image_size=64)
        for path in (tmp_path / "w.pth", tmp_path / "w.safetensors")
    ]
    first, second = (model.state_dict() for model in models)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "state_dict_ema", "model_ema"])
def test_the_state_dict_of_a_checkpoint_is_found_and_named(key: str, tmp_path: Path) -> None:
    state = snapshot(network("test_resnet", seed=7))
    checkpoint = {
        "epoch": 3,
        "arch": "test_resnet",
        "best_acc1": torch.tensor(71.0),
        "args": argparse.Namespace(lr=0.1, data="photos"),
        key: collections.OrderedDict((f"module.{name}", tensor) for name, tensor in state.items()),
        "optimizer": torch.optim.SGD([torch.ones(2, requires_grad=True)], lr=0.1).state_dict(),
    }
    path = tmp_path / "last.pth"
    torch.save(checkpoint, path)
    record = locate_weights(TINY, str(path), offline=True)
    assert (record.source, record.origin, record.sha256) == ("file", f"{path}['{key}']", sha256_of(path))
    model = build(TINY, n_classes=3, weights=record, seed=1, image_size=64)
    assert torch.equal(model.state_dict()["layer1.0.conv1.weight"], state["layer1.0.conv1.weight"])


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    torch.save({"w": torch.ones(3)}, tmp_path / "w.pth")
    assert torch.equal(read(tmp_path / "w.pth")["w"], torch.ones(3))
    assert not any(scratch.iterdir())


def test_the_child_gets_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in the child's place writes down what it is given."""
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import json, os, pathlib, sys\n"
        "pathlib.Path(sys.argv[2], 'answer.json').write_text("
        "json.dumps({'problem': 'code', 'detail': ' '.join([*os.environ, *sys.path])}))\n"
    )
    monkeypatch.setattr(pickled_module.unpickle, "__file__", str(spy))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    (tmp_path / "w.pth").write_bytes(b"\x80")
    with pytest.raises(WeightsError, match=r"holds code \(.*PATH.*\)") as caught:
        read(tmp_path / "w.pth")
    assert "TOKEN" not in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value).split("holds code")[1], (
        "the program's folder is no place to import from"
    )


# What must not run.


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".safetensors"])
@pytest.mark.parametrize("kind", ["zip", "zip4", "old", "raw", "raw4", "raw0"])
@pytest.mark.parametrize("trap", [Trap, Opener])
def test_code_in_a_file_is_named_and_leaves_no_trace(
    trap: type[Trap], kind: str, suffix: str, tmp_path: Path
) -> None:
    path, trace = tmp_path / f"w{suffix}", tmp_path / "trace"
    content = {"fc.weight": torch.ones(2), "bait": trap(trace)}
    if kind.startswith("raw"):
        path.write_bytes(pickle.dumps({"bait": trap(trace)}, protocol=int(kind[3:] or 2)))
    else:
        protocol = 4 if kind == "zip4" else 2
        torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=kind != "old")
    name = "(posix|nt).system" if trap is Trap else "(__builtin__|io|_io|builtins).open"
    expected = (
        rf"w\{suffix} holds code \({name}\), and nothing of it was run; save its weights alone: torch\.save"
    )
    if suffix == ".safetensors":
        expected = r"w\.safetensors is not a readable \.safetensors file"
    elif kind == "raw0":
        expected = "is not a PyTorch file at all"
    with pytest.raises(WeightsError, match=expected):
        build(TINY, n_classes=3, weights=locate_weights(TINY, str(path), offline=True), seed=0, image_size=64)
    assert not trace.exists()


def test_the_trap_would_have_closed(tmp_path: Path) -> None:
    """The test above can fail: the same bytes, opened carelessly, make the file."""
    for number, trap in enumerate((Trap, Opener)):
        trace = tmp_path / f"trace{number}"
        opened = pickle.loads(pickle.dumps(trap(trace)))
        if trap is Opener:
            opened.close()
        assert trace.exists()


# What is refused, each with its own sentence.


def test_a_whole_model_is_refused(tmp_path: Path) -> None:
    torch.save(network("test_resnet"), tmp_path / "w.pth")
    with pytest.raises(
        WeightsError,
        match=r"w\.pth is a whole pickled model \(timm\.models\.\w+\.\w+\), which is code, "
        r"and nothing of it was run; save its weights alone: torch\.save\(model\.state_dict\(\), 'weights\.pth'\)",
    ):
        read(tmp_path / "w.pth")


@pytest.mark.parametrize("whole", [True, False])
def test_an_optimizer_s_checkpoint_is_refused(whole: bool, tmp_path: Path) -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    torch.save(
        {"epoch": 3, "loss": torch.tensor(0.5), "optimizer": state} if whole else state, tmp_path / "w.pth"
    )
    with pytest.raises(
        WeightsError, match=r"w\.pth is an optimizer's checkpoint without the network's weights; save"
    ):
        read(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_torchscript_archive_is_refused(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)), tmp_path / "w.pt")
    with pytest.raises(
        WeightsError, match=r"w\.pt is a TorchScript archive, which holds code, and nothing of it"
    ):
        read(tmp_path / "w.pt")


def test_the_old_tar_format_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "w.pth", "w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"), io.BytesIO(b""))
    with pytest.raises(WeightsError, match=r"w\.pth is in PyTorch's old tar format, .*; save it again"):
        read(tmp_path / "w.pth")


@pytest.mark.parametrize(("share", "as_zip"), [(0.1, True), (0.99, True), (0.1, False), (0.99, False)])
def test_a_file_that_was_cut_short_is_refused(share: float, as_zip: bool, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save(snapshot(network("test_resnet")), path, _use_new_zipfile_serialization=as_zip)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(WeightsError, match=r"w\.pth is damaged or cut short \(.+\); fetch it again"):
        read(path)


@pytest.mark.parametrize(
    "content", [b"", b"<html>not found</html>", b"\x89PNG\r\n\x1a\n" + bytes(60), bytes(600)]
)
def test_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"w\.pth is not a PyTorch file at all; fetch it again"):
        read(tmp_path / "w.pth")


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w", a=np.ones(3))
    (tmp_path / "w.npz").rename(tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w\.pth is not a PyTorch file at all"):
        read(tmp_path / "w.pth")


def test_a_safetensors_file_under_another_name_says_so(tmp_path: Path) -> None:
    save_file({"w": torch.ones(3)}, tmp_path / "w.pth")
    with pytest.raises(
        WeightsError, match=r"w\.pth is a \.safetensors file by its content; give it that ending"
    ):
        read(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            {"student": {"w": torch.ones(2)}, "epoch": 3},
            r"holds no weights, only: student, epoch; save its weights",
        ),
        ({}, "holds no weights, only: nothing"),
        ([torch.ones(2)], "holds a list and no state dict"),
        (torch.ones(2), "holds a Tensor and no state dict"),
        ({"w": torch.eye(3).to_sparse()}, r"holds a sparse or quantized tensor \(w\)"),
    ],
)
def test_a_file_without_weights_says_what_it_holds(content: Any, sentence: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=sentence):
        read(tmp_path / "w.pth")


def test_names_in_a_file_cannot_move_the_cursor(tmp_path: Path) -> None:
    torch.save({"\x1b[2Jepoch": 3}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"holds no weights, only: \?\[2Jepoch; save"):
        read(tmp_path / "w.pth")
    (tmp_path / "w.pth").write_bytes(b"\x80\x02cposix\x1b[2J\nsystem\n.")
    with pytest.raises(WeightsError, match=r"holds code \(posix\?\[2J\.system\)"):
        read(tmp_path / "w.pth")


def test_a_pickle_of_a_newer_protocol_says_how_to_save_it(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "w.pth", pickle_protocol=4)
    with pytest.raises(WeightsError, match=r"is a pickle of protocol 4, .*; save it again with torch\.save"):
        read(tmp_path / "w.pth")


# Limits.


def test_a_small_file_that_unfolds_into_a_huge_tensor_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.ones(1).expand(10**11)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w\.pth needs more memory than its size explains"):
        read(tmp_path / "w.pth")


def test_a_child_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"w": torch.ones(1)}, tmp_path / "w.pth")
    monkeypatch.setattr(pickled_module, "TIME_LIMIT_S", 0.01)
    with pytest.raises(WeightsError, match=r"w\.pth could not be opened within \d+ s"):
        read(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("program", "ending"), [("os.kill(os.getpid(), 9)", "-9"), ("sys.exit(3)", "3"), ("pass", "0")]
)
def test_a_child_that_dies_is_a_sentence(
    program: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "child.py").write_text(f"import os, sys\n{program}\n")
    monkeypatch.setattr(pickled_module.unpickle, "__file__", str(tmp_path / "child.py"))
    (tmp_path / "w.pth").write_bytes(b"\x80")
    with pytest.raises(
        WeightsError, match=rf"the process that opened it was ended \(exit code {ending}\); free"
    ):
        read(tmp_path / "w.pth")


def test_a_full_disk_is_a_matter_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "child.py").write_text(
        "import json, pathlib, sys\nfolder = pathlib.Path(sys.argv[2])\n"
        "(folder / 'answer.json').write_text(json.dumps({'problem': 'disk', 'detail': str(folder)}))\n"
    )
    monkeypatch.setattr(pickled_module.unpickle, "__file__", str(tmp_path / "child.py"))
    (tmp_path / "w.pth").write_bytes(b"\x80")
    with pytest.raises(
        ResourceError, match=r"opening .*w\.pth needs as much room in .* as the file has; free some"
    ):
        read(tmp_path / "w.pth")
