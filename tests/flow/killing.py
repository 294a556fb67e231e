"""Real training processes that are killed, and the runs they leave beside the run that nobody disturbed."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import environment
from PIL import Image


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


def start(*arguments: object, cwd: Path, ignoring: Sequence[int] = ()) -> subprocess.Popen[str]:
    """Start one command line in a process group of its own, as a shell does."""

    def ignore() -> None:
        signal.signal(
            signal.SIGINT, signal.SIG_DFL
        )  # a shell's background job would pass on that it ignores it
        for signum in ignoring:
            signal.signal(signum, signal.SIG_IGN)

    return subprocess.Popen(
        [sys.executable, "-m", "finetune", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        preexec_fn=ignore,
    )


def kill_when(
    process: subprocess.Popen[str], is_time: Callable[[], bool], signum: int, *, delay_s: float = 0.0
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
