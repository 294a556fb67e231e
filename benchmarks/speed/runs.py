"""One contestant of one contest, in a process of its own: a task goes in, events come out, a row is made of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from speed.contests import OURS, PEERS, Contest
from speed.environments import last_line
from speed.material import frozen_parameters, lay_out, weights_file

PEERS_FOLDER = Path(__file__).parent / "peers"
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}
CACHES = ("FINETUNE_CACHE", "TORCHINDUCTOR_CACHE_DIR")
"""What was computed or compiled before is of no help to anyone."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """Where data and scratch lie, the longest a run may take, and a smaller size to try the script out with."""

    cache: Path
    minutes: float
    limit: int | None = None
    epochs: int | None = None


def run(python: Path, peer: str, fast: bool, contest: Contest, setting: Setting) -> dict[str, Any]:
    """Return what was measured, or under ``error`` the last line of what went wrong."""
    setting.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=setting.cache, prefix="run-") as folder:
        scratch = Path(folder)
        (scratch / "cold").mkdir()
        path = scratch / "task.json"
        path.write_text(json.dumps(task(contest, fast, scratch, setting)), encoding="utf-8")
        command = [str(python), str(PEERS_FOLDER / PEERS[peer].script), str(path)]
        try:
            done = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                timeout=60 * setting.minutes,
                cwd=scratch,
                env=os.environ | OFFLINE | {name: str(scratch / "cold") for name in CACHES} | _ours_too(peer),
            )
        except subprocess.TimeoutExpired:
            return {"error": f"not done after {setting.minutes:g} minutes"}
        events = _read(scratch / "events.jsonl")
        if done.returncode != 0 or not events or events[-1]["event"] != "done":
            return {"error": last_line(done.stderr), "exit_code": done.returncode}
        return measured(events)


def task(contest: Contest, fast: bool, scratch: Path, setting: Setting) -> dict[str, Any]:
    """Return the JSON that `peers.task.Task` reads."""
    data = lay_out(contest.data, setting.cache.resolve(), limit=setting.limit)
    weights = weights_file(contest.backbone, contest.weights, setting.cache.resolve())
    frozen = [] if contest.judges_accuracy else frozen_parameters(contest)
    return {
        "backbone": contest.backbone,
        "weights": str(weights),
        "data": str(data),
        "split": str(data / "split.json"),
        "strategy": contest.strategy,
        "epochs": setting.epochs or contest.epochs,
        "batch_size": contest.batch_size,
        "image_size": contest.image_size,
        "seed": contest.seed,
        "frozen": frozen,
        "fast": fast,
        "scratch": str(scratch),
        "events": str(scratch / "events.jsonl"),
    }


def measured(events: list[Event]) -> dict[str, Any]:
    """Return seconds, accuracies and memory from a contestant's events.

    ``epoch_s`` is the median of the epochs (one judging of val in each), ``amortised_s`` the whole time up to the
    last epoch's end, shared among the epochs.
    """
    epochs = [event for event in events if event["event"] == "epoch"]
    judged = [event for event in events if "val_accuracy" in event]
    done = events[-1]
    lengths = _lengths(events, epochs)
    n_epochs = len([event for event in epochs if event["epoch"] > 0])
    facts = {key: value for event in events for key, value in event.items() if key not in ("event", "t")}
    return {
        "curve": [[event["t"], event["val_accuracy"]] for event in judged],
        "best": max((event["val_accuracy"] for event in judged), default=None),
        "final": judged[-1]["val_accuracy"] if judged else None,
        "epochs_s": [round(length, 3) for length in lengths],
        "epoch_s": statistics.median(lengths) if lengths else None,
        "amortised_s": epochs[-1]["t"] / n_epochs if n_epochs else None,
        "seconds": done["t"],
        **{name: facts[name] for name in KEPT if name in facts},
    }


KEPT = ("n_train", "n_val", "peak_mib", "peak_child_mib", "device", "seconds_by_phase", "recipe")


def _lengths(events: list[Event], epochs: list[Event]) -> list[float]:
    """Return each epoch's seconds, from the end of the one before it or from ``ready``."""
    ready = [event["t"] for event in events if event["event"] == "ready"]
    ends = ready[:1] + [event["t"] for event in epochs]
    return [later - earlier for earlier, later in pairwise(ends)]


def _read(path: Path) -> list[Event]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _ours_too(peer: str) -> dict[str, str]:
    """Our own package is found from its checkout; a peer has no use for it."""
    return {"PYTHONPATH": str(Path(__file__).resolve().parents[2])} if peer == OURS else {}
