"""Kill a training process at random moments and count how often the resumed run has the same bits.

``python benchmarks/resume.py [N]`` tries N kills more (default 20), each at a moment drawn over the whole length
of the run, from the making of its folder to its end, by SIGINT, SIGTERM or SIGKILL, and appends a row for each to
``results/resume.jsonl``; what is there counts, so an interrupted soak goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import RESULTS, append_row, read_rows

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests" / "flow")]

STRATEGIES = ("partial", "full-finetune", "from-scratch")
SIGNALS = ("SIGINT", "SIGTERM", "SIGKILL")
ROWS = RESULTS / "resume.jsonl"


def main() -> None:
    from killing import draw_hard

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", nargs="?", type=int, default=20, help="how many more kills (default 20)")
    n_kills = parser.parse_args().kills
    first = len(read_rows(ROWS))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        draw_hard(work / "data")
        whole: dict[tuple[str, int], tuple[dict[str, Any], float]] = {}
        for number in range(first, first + n_kills):
            row = one_kill(number, work, whole)
            append_row(ROWS, row)
            print(row, flush=True)
    rows = read_rows(ROWS)
    going = [row for row in rows if row["resumed"]]
    print(
        f"{len(rows)} kills, {len(going)} resumed, {sum(row['identical'] for row in going)} of them identical"
    )


def one_kill(
    number: int, work: Path, whole: dict[tuple[str, int], tuple[dict[str, Any], float]]
) -> dict[str, Any]:
    from killing import outcome

    chance = random.Random(number)
    strategy, name = STRATEGIES[number % 3], SIGNALS[number // 3 % 3]
    workers = chance.randint(0, 1)
    run = work / f"run-{number}"
    if (strategy, workers) not in whole:
        reference = work / f"whole-{strategy}-{workers}"
        process = finetune(command(strategy, workers, reference))
        begun = wait_for(reference / "run.json")
        process.wait()
        whole[strategy, workers] = outcome(reference), time.monotonic() - begun
    expected, length_s = whole[strategy, workers]
    after_s = chance.uniform(0, length_s)
    process = finetune(command(strategy, workers, run))
    wait_for(run / "run.json")
    time.sleep(after_s)
    if process.poll() is None:
        os.killpg(process.pid, getattr(signal, name))
    code = process.wait()
    row = {
        "kill": number,
        "strategy": strategy,
        "signal": name,
        "workers": workers,
        "after_s": round(after_s, 3),
    }
    row |= {
        "exit_code": code,
        "length_s": round(length_s, 3),
        "epochs_done": noted(run, "epochs_done"),
        "state": noted(run, "state"),
    }
    row |= {"resumed": False, "identical": None}
    if noted(run, "state") not in (None, "finished"):
        code = finetune(["fit", "--resume", str(run), "--quiet"]).wait()
        row |= {"resumed": True, "identical": code == 0 and outcome(run) == expected}
    return row


def wait_for(path: Path) -> float:
    """Return the time at which ``path`` is there."""
    while not path.exists():
        time.sleep(0.005)
    return time.monotonic()


def noted(run: Path, name: str) -> Any:
    """Return what the run's record says; None without one (killed before training, it may leave no folder)."""
    try:
        return json.loads((run / "run.json").read_text())[name]
    except FileNotFoundError:
        return None


def command(strategy: str, workers: int, out: Path) -> list[str]:
    options = [
        "--strategy",
        strategy,
        "--epochs",
        "30",
        "--lr",
        "3e-4",
        "--batch-size",
        "8",
        "--image-size",
        "32",
        "--quiet",
    ]
    if strategy == "from-scratch":
        backbone = ["--backbone", "test_resnet"]
    else:
        backbone = ["--backbone", "test_resnet", "--weights", str(random_weights(out.parent))]
    data = str(out.parent / "data")
    return ["fit", data, *options, *backbone, "--workers", str(workers), "--out", str(out)]


def random_weights(folder: Path) -> Path:
    """Return a weights file for the tiny network; which weights does not matter here."""
    path = folder / "tiny.safetensors"
    if not path.exists():
        from safetensors.torch import save_file

        from finetune.model.backbones import find_backbone
        from finetune.model.build import build
        from finetune.model.weights import NO_WEIGHTS

        model = build(find_backbone("test_resnet"), n_classes=1000, weights=NO_WEIGHTS, seed=7, image_size=64)
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, path)
    return path


def finetune(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "finetune", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        process_group=0,
        preexec_fn=_hear_ctrl_c,
    )


def _hear_ctrl_c() -> None:
    """A shell's background job ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
