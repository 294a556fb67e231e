"""A tiny network, tiny sets whose classes differ in colour, and the command line, in this process or its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression  # noqa: F401 - its BLAS must be there to be limited
from threadpoolctl import threadpool_limits

from finetune.advice.forecast import ForecastTable
from finetune.cli import run
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS
from finetune.training import advising
from strategies import STRATEGIES

REPOSITORY = Path(__file__).parents[2]
COLOURS = ((200, 60, 60), (60, 180, 70), (60, 80, 200), (180, 170, 50), (30, 30, 30))


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Threads that wait for each other on a busy machine make tiny networks twenty times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one error sentence; anything else that looks like an error fails."""
        assert "Traceback" not in self.err
        (sentence,) = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert self.err.endswith(sentence + "\n"), "something was said after the error"
        return sentence


Finetune = Callable[..., Answer]


@pytest.fixture
def finetune(capsys: pytest.CaptureFixture[str]) -> Finetune:
    """Run one command line in this process."""

    def call(*arguments: object, debug: bool = False) -> Answer:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments], debug=debug)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, one thread for each child, and the package from any folder."""
    paths = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": paths, **changes}


def finetune_process(*arguments: object, cwd: Path, **changes: str) -> Answer:
    """Run one command line as its own process, as a user does."""
    done = subprocess.run(
        [sys.executable, "-m", "finetune", *map(str, arguments)],
        cwd=cwd,
        env=environment(**changes),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def coloured(kind: int, number: int, side_px: int = 48) -> Image.Image:
    """Noise around the colour of the class ``kind``: easy for any network, and each number another picture."""
    noise = np.random.default_rng((kind, number)).normal(0, 50, (side_px, side_px, 3))
    return Image.fromarray(np.clip(noise + COLOURS[kind], 0, 255).astype(np.uint8))


def draw_colours(root: Path, counts: Mapping[str, int]) -> Path:
    """Fill ``root``: ``{"train/a": 3}`` makes train/a/0.png to 2.png, in the colour of class a everywhere."""
    names = sorted({folder.split("/")[-1] for folder in counts})
    number = 0
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            coloured(names.index(folder.split("/")[-1]), number).save(root / folder / f"{i}.png")
            number += 1
    return root


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file for `test_resnet`: random, since none may be fetched."""
    model = build(find_backbone("test_resnet"), n_classes=1000, weights=NO_WEIGHTS, seed=7, image_size=64)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
    return path


@pytest.fixture(scope="session")
def tiny(weights: Path) -> tuple[str, ...]:
    """The options of the smallest real run with pretrained weights."""
    return ("--backbone", "test_resnet", "--weights", str(weights), "--image-size", "32", "--workers", "0")


@pytest.fixture(scope="session")
def random_tiny() -> tuple[str, ...]:
    """The options of the smallest real run from scratch."""
    return ("--backbone", "test_resnet", "--image-size", "32", "--workers", "0")


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 14 images, no splits: 32 train, 6 val and 4 test images."""
    return draw_colours(tmp_path_factory.mktemp("data") / "colours", {"apple": 14, "lime": 14, "plum": 14})


@pytest.fixture(scope="session")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train has the classes a, b and c; val has only b and c."""
    counts = {"train/a": 12, "train/b": 12, "train/c": 12, "val/b": 5, "val/c": 4}
    return draw_colours(tmp_path_factory.mktemp("data") / "lacking", counts)


@pytest.fixture
def with_table(monkeypatch: pytest.MonkeyPatch) -> Callable[[ForecastTable], None]:
    """Let forecasts come from a table of the test's instead of the one that is shipped."""
    return lambda table: monkeypatch.setattr(advising, "shipped_table", lambda: table)


@dataclass(frozen=True)
class Finished:
    """A run that went well: its folder and what the command said."""

    folder: Path
    answer: Answer

    @property
    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        return found

    @property
    def metrics(self) -> list[list[str]]:
        lines = (self.folder / "metrics.csv").read_text(encoding="utf-8").splitlines()
        return [line.split(",") for line in lines]


def fit_quietly(*arguments: object, command: str = "fit") -> Answer:
    """Run ``fit``, or another command, for a fixture, away from the test's own output."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([command, *map(str, arguments)])
    assert code == 0, err.getvalue()
    return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def finished(
    colours: Path,
    tiny: tuple[str, ...],
    random_tiny: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Finished]:
    """One finished run of each strategy on the three colours."""
    runs = {}
    for name, kind in STRATEGIES.items():
        folder = tmp_path_factory.mktemp("runs") / name
        options = tiny if kind.weights == "pretrained" else random_tiny
        epochs = () if name == "freeze-all" else ("--epochs", "2")
        answer = fit_quietly(colours, "--strategy", name, *options, *epochs, "--out", folder)
        runs[name] = Finished(folder, answer)
    return runs


@pytest.fixture(scope="session")
def bundle(finished: dict[str, Finished]) -> Path:
    """The folder of a finished freeze-all run."""
    return finished["freeze-all"].folder
