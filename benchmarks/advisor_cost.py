"""Are forecast seconds and memory right? Each strategy is forecast, then trained: ``results/advisor-cost.jsonl``.

    python benchmarks/advisor_cost.py [--docs]

``seconds`` are those of the report's phases after the preparation, which the forecast leaves out; memory is the most
that the process held. Run it on a quiet machine. A row that is there is not measured again; ``--docs`` writes the
table into docs/advisor.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, ROOT, append_row, data_set, machine, markdown_table, read_rows, replace_between

from finetune.advice.contenders import CONTENDERS
from finetune.data.samples import SAMPLES, write_sample

ROWS = RESULTS / "advisor-cost.jsonl"
SETS = (("hymenoptera.zip", 64), ("fruit", 96), ("sign-digits.zip", 64), ("hymenoptera.zip", 224))
BACKBONE = ("--backbone", "tf_efficientnet_lite0", "--weights", "packaged", "--offline")
WATCHED = """
import resource, subprocess, sys
code = subprocess.call([sys.executable, "-m", "finetune", *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
"""Runs finetune with its arguments and prints what it held at most."""


def measure(name: str, side: int, scratch: Path) -> None:
    """Forecast all contenders on one set, then train each, and append a row a contender."""
    data = write_sample(name, scratch / name) if name in SAMPLES else data_set(name)
    common = [str(data), "--image-size", str(side), "--json", "--quiet"]
    advice, _ = run(["advise", *common, *BACKBONE], scratch)
    for contender, row in advice["forecast"].items():
        if any(same(done, name, side, contender) for done in read_rows(ROWS)):
            continue
        weights = (
            BACKBONE if CONTENDERS[contender].strategy != "from-scratch" else (*BACKBONE[:2], "--offline")
        )
        out = scratch / f"{name}-{side}-{contender}"
        report, peak = run(
            ["fit", *common, *weights, *CONTENDERS[contender].flags, "--out", str(out)], scratch
        )
        phases = report["seconds_by_phase"]
        found = {"set": name, "side": side, "contender": contender, "forecast_s": row["seconds"]}
        found |= {"seconds": round(sum(phases.values()) - phases["prepare"], 2)}
        found |= {"forecast_bytes": row["peak_bytes"], "peak_bytes": peak, "accuracy": report["accuracy"]}
        found |= {"forecast_interval": row["interval"], "forecast_accuracy": row["accuracy"]}
        append_row(ROWS, found | {"machine": machine()})
        print(
            f"{name} {side} px {contender}: {row['seconds']:.0f} s forecast, {found['seconds']:.0f} s",
            flush=True,
        )


def run(words: list[str], scratch: Path) -> tuple[dict[str, Any], int]:
    """Return the JSON of a command, and the most memory that it held, in bytes."""
    env = os.environ | {"FINETUNE_CACHE": str(scratch / "cache"), "FINETUNE_EXPERIENCE": "off"}
    command = [sys.executable, "-c", WATCHED, *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    unit = 1 if sys.platform == "darwin" else 1024
    return json.loads(done.stdout), unit * int(done.stderr.splitlines()[-1])


def same(row: dict[str, Any], name: str, side: int, contender: str) -> bool:
    return (row["set"], row["side"], row["contender"]) == (name, side, contender)


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        [
            f"{row['set'].partition('.')[0]}, {row['side']} px",
            CONTENDERS[row["contender"]].title,
            f"{row['forecast_s']:.0f} s",
            f"{row['seconds']:.0f} s",
            f"{row['forecast_bytes'] / 1e9:.2f} GB",
            f"{row['peak_bytes'] / 1e9:.2f} GB",
        ]
        for row in rows
    ]
    seconds, memory = (
        100 * np.median([abs(row[forecast] / row[found] - 1) for row in rows])
        for forecast, found in (("forecast_s", "seconds"), ("forecast_bytes", "peak_bytes"))
    )
    header = ("images", "strategy", "forecast", "took", "forecast memory", "held at most")
    return f"{markdown_table(header, lines)}\n\nOff in the median: seconds {seconds:.0f} %, memory {memory:.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docs", action="store_true", help="write the table into docs/advisor.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="finetune-cost-") as folder:
        for name, side in SETS:
            (Path(folder) / f"{side}").mkdir(exist_ok=True)
            if sum(row["set"] == name and row["side"] == side for row in read_rows(ROWS)) < len(CONTENDERS):
                measure(name, side, Path(folder) / f"{side}")
    text = table(read_rows(ROWS))
    print(text)
    if options.docs:
        replace_between(ROOT / "docs" / "advisor.md", "cost", text)


if __name__ == "__main__":
    main()
