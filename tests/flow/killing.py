"""Real training processes that are killed, and the runs they leave beside the run that nobody disturbed."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from conftest import environment
from PIL import Image

from finetune.cli import main


def draw_hard(root: Path) -> Path:
    """Three classes of 20 images whose means differ by less than their noise: the best epoch is a late one."""
    for label in range(3):
        folder = root / "abc"[label]
        folder.mkdir(parents=True)
        for number in range(20):
            generator = np.random.default_rng((label, number))
            colour = 128 + 18 * np.eye(3)[label] + generator.normal(0, 14, 3)
            pixels = generator.normal(0, 60, (40, 40, 3)) + colour
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return root


class Forked:
    """A command line in a process of its own that shares what this one has loaded: it runs at once.

    To load torch and all that stands on it takes seconds. One thread computes here (`conftest`), so nothing that
    is half done is copied.
    """

    def __init__(self, arguments: Sequence[str], *, cwd: Path, ignoring: Sequence[int]) -> None:
        self.returncode: int | None = None
        self._told = [_nameless_file(), _nameless_file()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads
            self.pid = os.fork()
        if self.pid == 0:
            self._become(arguments, cwd, ignoring)
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)

    def _become(self, arguments: Sequence[str], cwd: Path, ignoring: Sequence[int]) -> NoReturn:
        """Be the command line, and never return to the tests."""
        code: object = 1
        try:
            os.setpgid(0, 0)
            # Torch gives a forked process a new thread pool at the first call that asks for one, and is not ready
            # for two threads that ask at once.
            torch.set_num_threads(torch.get_num_threads())
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for number in ignoring:
                signal.signal(number, signal.SIG_IGN)
            os.chdir(cwd)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            for number, file in enumerate(self._told, start=1):
                os.dup2(file, number)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8") for number in (1, 2))
            sys.argv = ["finetune", *arguments]
            main()
        except SystemExit as error:
            code = error.code
        except BaseException:  # noqa: BLE001 - what no command line may let out is to be seen
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 0 if code is None else 1)

    def poll(self) -> int | None:
        """Return how it ended, as `subprocess.Popen.poll` does."""
        if self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        """Wait for its end and return what it said on stdout and stderr."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("finetune", timeout)
            time.sleep(0.005)
        told = []
        for file in self._told:
            os.lseek(file, 0, os.SEEK_SET)
            with os.fdopen(file, "rb") as stream:
                told.append(stream.read().decode("utf-8", "replace"))
        return told[0], told[1]

    def kill(self) -> None:
        """End it, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.returncode = -signal.SIGKILL


def _nameless_file() -> int:
    """Return the number of a new open file that nobody else can find."""
    number, name = tempfile.mkstemp()
    Path(name).unlink()
    return number


def start(*arguments: object, cwd: Path, ignoring: Sequence[int] = ()) -> Forked:
    """Start one command line in a process group of its own, as a shell does."""
    return Forked([str(argument) for argument in arguments], cwd=cwd, ignoring=ignoring)


def start_afresh(*arguments: object, cwd: Path) -> subprocess.Popen[str]:
    """Start one command line as `start` does, but with a Python of its own, as a user does."""
    return subprocess.Popen(
        [sys.executable, "-m", "finetune", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def kill_when(
    process: Forked | subprocess.Popen[str], is_time: Callable[[], bool], signum: int, *, delay_s: float = 0.0
) -> tuple[int, str]:
    """Send ``signum`` to the whole group once ``is_time`` (and ``delay_s`` later); return code and stderr."""
    deadline = time.monotonic() + 200
    try:
        while not is_time():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                pytest.fail(f"it ended before its time to be killed: {process.communicate()[1]}")
            time.sleep(0.005)
        time.sleep(delay_s)
        os.killpg(process.pid, signum)
        _, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode is not None
    return process.returncode, err


def n_rows(run: Path) -> int:
    """The epochs in the run's `metrics.csv`, the one before training included."""
    try:
        return max(0, len((run / "metrics.csv").read_text().splitlines()) - 1)
    except FileNotFoundError:
        return 0


def outcome(run: Path) -> Mapping[str, object]:
    """All that must not depend on an interruption: the weights' bytes, and the rows but for their seconds."""
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as stream:
        rows = [
            {name: text for name, text in row.items() if name != "seconds"} for row in csv.DictReader(stream)
        ]
    return {
        "weights": (run / "bundle" / "model.safetensors").read_bytes(),
        "rows": rows,
        "recipe": (run / "recipe.yaml").read_text(),
        "left over": sorted(path.name for path in run.iterdir() if path.name in ("resume", ".resume.lock")),
    }
