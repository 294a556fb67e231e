"""Where data sets lie in the size x similarity square, as `finetune advise` measures them; draws the picture.

Each measured set is a row in ``results/square.jsonl``; a second call does only what is missing. The picture is
``docs/square.png``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common import RESULTS, ROOT, append_row, data_set, machine, read_rows

from finetune.advice.rules import LARGE_FROM_IMAGES, SIMILAR_FROM_GAIN, USELESS_BELOW_GAIN
from finetune.data.samples import SAMPLES, write_sample

ROWS = RESULTS / "square.jsonl"
PICTURE = ROOT / "docs" / "square.png"
SETS = (*SAMPLES, "hymenoptera.zip", "sign-digits.zip", "blood-cells.zip", "cifar10.tar.xz")
TITLES = {
    "fruit": "fruit (sample)",
    "digits": "handwritten digits (sample)",
    "hymenoptera": "ants and bees",
    "sign-digits": "sign-language digits",
    "blood-cells": "blood cells",
    "cifar10": "CIFAR-10",
}
# Where a label would meet another one: points right and up of the dot, and its alignment.
PLACES = {"sign-digits": (9, 3, "left"), "digits": (9, -10, "left"), "blood-cells": (-9, -3, "right")}
PLACES |= {"cifar10": (-9, -3, "right")}


@contextmanager
def opened(name: str) -> Iterator[Path]:
    """Give the folder or zip of a set: samples are written, a tar is unpacked."""
    with tempfile.TemporaryDirectory() as folder:
        if name in SAMPLES:
            yield write_sample(name, Path(folder) / name)
        elif name.endswith(".zip"):
            yield data_set(name)
        else:
            with tarfile.open(data_set(name)) as archive:
                archive.extractall(folder, filter="data")
            yield Path(folder)


def measure(name: str) -> None:
    with opened(name) as path:
        command = [sys.executable, "-m", "finetune", "advise", str(path), "--json", "--quiet"]
        command += ["--backbone", "tf_efficientnet_lite0", "--offline"]
        advice = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    row = {key: advice[key] for key in ("strategy", "runner_up", "size", "similarity")}
    append_row(ROWS, {"data": name.partition(".")[0], **row, "machine": machine()})


def draw() -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    left, right, low, high = -0.05, 1.05, 100, 200_000
    axes.set(xlim=(right, left), ylim=(low, high), yscale="log")
    axes.axvline(SIMILAR_FROM_GAIN, color="#595959", linewidth=1)
    axes.axhline(LARGE_FROM_IMAGES, color="#595959", linewidth=1)
    axes.plot(
        [USELESS_BELOW_GAIN] * 2, [LARGE_FROM_IMAGES, high], color="#595959", linewidth=1, linestyle=":"
    )
    cells = ((1.03, 4_300, "freeze-all"), (0.48, 4_300, "partial"), (1.03, 170_000, "full-finetune"))
    cells = (*cells, (0.48, 170_000, "full-finetune"), (0.13, 170_000, "from-scratch"))
    for x, y, text in cells:
        axes.text(x, y, text, fontsize=13, color="#0072B2", va="top", weight="bold")
    for row in read_rows(ROWS):
        x, y = row["similarity"]["value"], row["size"]["n"]
        axes.plot(x, y, marker="o", color="#D55E00", markersize=8)
        dx, dy, side = PLACES.get(row["data"], (9, -3, "left"))
        label = f"{TITLES[row['data']]}, {x:.2f}"
        axes.annotate(label, (x, y), xytext=(dx, dy), textcoords="offset points", fontsize=9, ha=side)
    axes.set_xlabel("similar to ImageNet  ←  transfer gain, measured  →  different")
    axes.set_ylabel("training images")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=130)


def main() -> None:
    done = {row["data"] for row in read_rows(ROWS)}
    for name in SETS:
        if name.partition(".")[0] not in done:
            measure(name)
    draw()
    for row in read_rows(ROWS):
        print(
            f"{row['data']:14} n {row['size']['n']:6} gain {row['similarity']['value']:.3f} {row['strategy']}"
        )


if __name__ == "__main__":
    main()
