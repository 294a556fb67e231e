"""Ants and bees, the whole command from a cold start: strategy chosen, images right, wall-clock seconds.

Run it on a quiet machine. ``--readme`` writes the line into the README.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import RESULTS, append_row, data_set, machine, read_rows, replace_in_readme, same_kind

ROWS = RESULTS / "hymenoptera.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", action="store_true", help="write the line into the README")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "finetune", "fit", str(data_set("hymenoptera.zip"))]
        command += ["--backbone", "tf_efficientnet_lite0", "--out", str(Path(folder) / "run"), "--json"]
        started = time.perf_counter()
        cold = os.environ | {"FINETUNE_CACHE": str(Path(folder) / "cache")}
        finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=cold)
        seconds = time.perf_counter() - started
    report = json.loads(finished.stdout)
    kept = ("strategy", "n_correct", "accuracy", "accuracy_interval", "n_val", "seconds_by_phase")
    append_row(
        ROWS, {name: report[name] for name in kept} | {"wall_s": round(seconds, 1), "machine": machine()}
    )
    # Another processor's times are no substitute.
    here = machine()
    walls = [row["wall_s"] for row in read_rows(ROWS) if same_kind(row["machine"], here)]
    line = (
        f"Ants and bees (245 training, {report['n_val']} validation photographs): `{report['strategy']}` chosen, "
        f"{report['n_correct']} of {report['n_val']} right, {statistics.median(walls):.0f} s for the whole command "
        f"(median of {len(walls)}) on {here['cores']} cores without a GPU ({here['processor']})."
    )
    print(line)
    if options.readme:
        replace_in_readme("hymenoptera", line)


if __name__ == "__main__":
    main()
