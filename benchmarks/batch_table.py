"""The batch table: four data sets × four strategies through ``finetune batch``, unattended and resumable.

Each finished job is a row in ``results/batch.jsonl``; a second call goes on where the first ended. ``--only NAME``
(a data set, a strategy or a job's name; may be repeated) does a part. ``--readme`` writes the table into the README.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from common import RESULTS, ROOT, append_row, data_set, machine, markdown_table, read_rows, replace_in_readme

from strategies import STRATEGIES

ROWS = RESULTS / "batch.jsonl"
FOLDER = ROOT / "checkpoints" / "batch-table"
SAMPLE = "fruit"
SETS = ("hymenoptera", "sign-digits", "blood-cells", SAMPLE)
BACKBONE = "tf_efficientnet_lite0"
IMAGE_SIZE = 96
MAX_MINUTES = 2
SEED = 0
KEPT = (
    "accuracy",
    "accuracy_interval",
    "accuracy_split",
    "n_correct",
    "n_train",
    "n_val",
    "n_test",
    "seconds",
)


def recipe(strategy: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "strategy": strategy,
        "backbone": BACKBONE,
        "image_size": IMAGE_SIZE,
        "seed": SEED,
    }
    if STRATEGIES[strategy].weights == "pretrained":
        made["weights"] = "packaged"
    if strategy != "freeze-all":  # its head is solved, not trained by the minute
        made["max_minutes"] = MAX_MINUTES
    return made


def write_jobs(only: list[str]) -> Path:
    jobs = [
        {
            "name": f"{data}-{strategy}",
            "data": f"sample:{SAMPLE}" if data == SAMPLE else str(data_set(f"{data}.zip").resolve()),
            "recipe": recipe(strategy),
        }
        for data in SETS
        for strategy in STRATEGIES
        if not only or {data, strategy, f"{data}-{strategy}"} & set(only)
    ]
    if not jobs:
        sys.exit(f"--only names none of {', '.join(SETS)} or {', '.join(STRATEGIES)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER.parent / f"{FOLDER.name}.yaml"
    path.write_text(yaml.safe_dump({"jobs": jobs}, sort_keys=False), encoding="utf-8")
    return path


def measure(only: list[str]) -> int:
    """Run the batch, add a row for each job that is new, and return the batch's exit code."""
    command = [sys.executable, "-m", "finetune", "batch", str(write_jobs(only)), "--out", str(FOLDER)]
    done = subprocess.run([*command, "--offline", "--json"], check=False, stdout=subprocess.PIPE, text=True)
    known = {row["key"] for row in read_rows(ROWS)}
    for row in json.loads(done.stdout or "[]"):
        if row["state"] == "finished" and row["key"] not in known:
            append_row(ROWS, record(row))
    return done.returncode


def record(row: dict[str, Any]) -> dict[str, Any]:
    data = row["name"].removesuffix(f"-{row['strategy']}")
    what = {"data": data, "strategy": row["strategy"], "image_size": row["image_size"], "seed": SEED}
    budget = {"max_minutes": None if row["strategy"] == "freeze-all" else MAX_MINUTES}
    kept = {name: row[name] for name in (*KEPT, "stopped", "key")}
    return {**what, **budget, **kept, "machine": machine()}


def table() -> str:
    rows = {(row["data"], row["strategy"]): row for row in read_rows(ROWS)}
    if not rows:
        return "no rows yet"
    lines = [
        [_named(data, rows), *(_cell(rows.get((data, strategy))) for strategy in STRATEGIES)] for data in SETS
    ]
    first = next(iter(rows.values()))["machine"]
    caption = (
        f"Accuracy on held-out images (the test split; val for `hymenoptera`, which brings no test) and seconds for "
        f"the whole job, {IMAGE_SIZE} px, {BACKBONE}, the three strategies that train by gradient held to "
        f"{MAX_MINUTES} minutes ({first['processor']}, {first['cores']} cores, no GPU; seed {SEED}):"
    )
    return f"{caption}\n\n{markdown_table(['data', *(f'`{name}`' for name in STRATEGIES)], lines)}"


def _named(data: str, rows: dict[tuple[str, str], dict[str, Any]]) -> str:
    n_train = next((row["n_train"] for (name, _), row in rows.items() if name == data), None)
    return f"{data} ({n_train:,} to train on)" if n_train else data


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    low, high = (100 * bound for bound in row["accuracy_interval"])
    return f"{100 * row['accuracy']:.1f} % ({low:.1f} – {high:.1f}), {row['seconds']:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a part; may be repeated")
    parser.add_argument("--readme", action="store_true", help="write the table into the README")
    options = parser.parse_args()
    code = measure(options.only)
    print(table())
    if options.readme:
        replace_in_readme("batch", table())
    sys.exit(code)


if __name__ == "__main__":
    main()
