"""Train every strategy on every data set of the grid, at several sizes; a row each in ``results/advisor-grid.jsonl``.

    python benchmarks/advisor_grid.py [--sets NAME…] [--minutes N] [--folder DIR]

A row that is there is not measured again, so the grid can be stopped and gone on with. ``seconds`` are those of the
clock, ``processor_seconds`` those that the process and its loaders spent: the second hardly change with what else
the machine is doing. Every run is in a process of its own, with an empty cache. Start several with ``--sets`` of
their own to use more cores, each with ``OMP_NUM_THREADS=1``.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import yaml
from advisor.sets import SETS, GridSet, manifest
from common import RESULTS, ROOT, append_row, machine, read_rows

ROWS = RESULTS / "advisor-grid.jsonl"
SEEDS = (0, 1)
LARGE = 3_200
LARGE_SEEDS = (0,)
SIDE_PX = 64
COMMON = {"backbone": "tf_efficientnet_lite0", "weights": "packaged", "image_size": SIDE_PX}
STRATEGIES: dict[str, dict[str, Any]] = {
    "freeze-all": {"strategy": "freeze-all"},
    "multi-stage": {"strategy": "freeze-all", "head": "multi-stage"},
    "partial": {"strategy": "partial"},
    "full-finetune": {"strategy": "full-finetune"},
    "from-scratch": {"strategy": "from-scratch"},
}
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["finetune.training.train", "finetune.training.gradient", "sklearn.linear_model"]
)
"""Imported once: what is trained, not what is loaded, takes the time."""
KEPT = ("accuracy", "n_correct", "n_train", "n_val", "n_test", "seconds", "seconds_by_phase", "stopped")


def wanted(names: list[str]) -> list[tuple[GridSet, int, int, str]]:
    """Return the cells of the grid, small sizes first: a grid that is cut short has every set in it."""
    cells = [
        (SETS[name], size, seed, strategy)
        for name in names
        for size in SETS[name].sizes
        for seed in (LARGE_SEEDS if size == LARGE else SEEDS)
        for strategy in STRATEGIES
    ]
    return sorted(cells, key=lambda cell: (cell[1] == LARGE, cell[2], cell[1]))


def measure(entry: GridSet, size: int, seed: int, strategy: str, folder: Path) -> dict[str, Any]:
    """Train once and return the row."""
    recipe = COMMON | STRATEGIES[strategy] | {"seed": seed}
    if strategy == "from-scratch":
        del recipe["weights"]
    table = manifest(entry, folder, size=size, seed=seed)
    with tempfile.TemporaryDirectory(prefix="finetune-grid-") as scratch:
        out = Path(scratch) / "run"
        child = CONTEXT.Process(target=_fit, args=(str(table), recipe, out, scratch))
        child.start()
        child.join()
        if child.exitcode != 0:
            sys.exit(f"{entry.name} n {size} seed {seed} {strategy} failed; see above")
        spent = float((Path(scratch) / "spent").read_text(encoding="ascii"))
        report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        filled = yaml.safe_load((out / "recipe.yaml").read_text(encoding="utf-8"))
        history = val_history(out / "metrics.csv")
    row = {"set": entry.name, "base": entry.base, "n": size, "seed": seed, "strategy": strategy}
    row |= {name: report[name] for name in KEPT}
    row |= {"processor_seconds": round(spent, 1), "val_accuracy": history, "epochs": filled.get("epochs")}
    return row | {"image_size": SIDE_PX, "backbone": COMMON["backbone"]}


def _fit(table: str, recipe: dict[str, Any], out: Path, scratch: str) -> None:
    """Train in a process of its own, with an empty cache, and note the processor's seconds."""
    os.environ |= {"FINETUNE_CACHE": str(Path(scratch) / "cache"), "FINETUNE_EXPERIENCE": "off"}
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    from finetune import Recipe, fit

    fit(table, Recipe.make(**recipe), out=out, offline=True)
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    spent = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    (Path(scratch) / "spent").write_text(str(spent), encoding="ascii")


def val_history(metrics: Path) -> list[float]:
    """Return the accuracy on val before training and after each epoch; empty where the head is solved."""
    with metrics.open(encoding="utf-8", newline="") as file:
        return [round(float(row["val_accuracy"]), 4) for row in csv.DictReader(file) if "val_accuracy" in row]


def key_of(row: dict[str, Any]) -> tuple[str, int, int, str]:
    return row["set"], row["n"], row["seed"], row["strategy"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="NAME")
    parser.add_argument(
        "--strategies", nargs="+", choices=STRATEGIES, default=list(STRATEGIES), metavar="NAME"
    )
    parser.add_argument("--minutes", type=float, help="begin no further run after so many minutes")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "checkpoints" / "advisor", help="where the pictures are written"
    )
    options = parser.parse_args()
    begun, where = time.monotonic(), machine()
    cells = [cell for cell in wanted(options.sets) if cell[3] in options.strategies]
    for rank, (entry, size, seed, strategy) in enumerate(cells, start=1):
        if options.minutes is not None and time.monotonic() - begun > 60 * options.minutes:
            break
        if (entry.name, size, seed, strategy) in {key_of(row) for row in read_rows(ROWS)}:
            continue
        row = measure(entry, size, seed, strategy, options.folder) | {"machine": where}
        append_row(ROWS, row)
        print(
            f"{rank} of {len(cells)}: {entry.name} n {size} seed {seed} {strategy}: "
            f"{100 * row['accuracy']:.1f} %, {row['seconds']:.0f} s (processor: {row['processor_seconds']:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
