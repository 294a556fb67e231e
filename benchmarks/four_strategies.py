"""All four strategies on sign-digits at 96 px: accuracy, seconds and share of parameters trained.

Each finished strategy is a row in ``results/strategies.jsonl``; a second call does only what is missing.
``--readme`` writes the table into the README.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from common import RESULTS, append_row, data_set, machine, markdown_table, read_rows, replace_in_readme

from strategies import STRATEGIES

ROWS = RESULTS / "strategies.jsonl"
IMAGE_SIZE = 96
# From scratch plans three times the steps, half an hour on two cores; this many minutes show where it stands.
MINUTES = {"from-scratch": 10}
SEED = 0


def measure(strategy: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "finetune", "fit", str(data_set("sign-digits.zip"))]
        command += ["--strategy", strategy, "--backbone", "tf_efficientnet_lite0", "--offline"]
        command += [
            "--image-size",
            str(IMAGE_SIZE),
            "--seed",
            str(SEED),
            "--out",
            str(Path(folder) / "run"),
            "--json",
        ]
        if strategy in MINUTES:
            command += ["--max-minutes", str(MINUTES[strategy])]
        report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    kept = ("strategy", "accuracy", "accuracy_interval", "n_correct", "n_train", "n_val", "n_test", "seconds")
    row = {name: report[name] for name in (*kept, "seconds_by_phase", "trainable_share", "stopped", "seed")}
    append_row(ROWS, row | {"data": "sign-digits", "image_size": IMAGE_SIZE, "machine": machine()})


def table() -> str:
    rows = {row["strategy"]: row for row in read_rows(ROWS)}
    cells = []
    for name in STRATEGIES:
        if name in rows:
            row = rows[name]
            low, high = (100 * bound for bound in row["accuracy_interval"])
            cells.append(
                [
                    f"`{name}`" + (f" (held to {MINUTES[name]} minutes)" if name in MINUTES else ""),
                    f"{100 * row['accuracy']:.1f} % ({low:.1f} – {high:.1f})",
                    f"{row['seconds']:.0f} s",
                    f"{100 * row['trainable_share']:.2f} %",
                ]
            )
    first = next(iter(rows.values()))
    where = f"{first['machine']['processor']}, {first['machine']['cores']} cores, no GPU; seed {SEED}"
    caption = (
        f"Sign-language digits, 2,062 photographs in 10 classes, {IMAGE_SIZE} px, EfficientNet-Lite0, "
        f"{first['n_test']} test images ({where}):"
    )
    header = ["strategy", "test accuracy (95 % interval)", "time", "parameters trained"]
    return f"{caption}\n\n{markdown_table(header, cells)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", action="store_true", help="write the table into the README")
    options = parser.parse_args()
    done = {row["strategy"] for row in read_rows(ROWS)}
    for strategy in STRATEGIES:
        if strategy not in done:
            measure(strategy)
    print(table())
    if options.readme:
        replace_in_readme("strategies", table())


if __name__ == "__main__":
    main()
