"""Measure each set of the grid as the advisor does, by size and seed; rows in ``results/advisor-measures.jsonl``.

    python benchmarks/advisor_measures.py [--sets NAME…] [--folder DIR]

Only the images to learn from are measured, at the size that the grid trains at. A row that is there is not
measured again.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from advisor.sets import SETS, GridSet, manifest
from advisor_grid import LARGE, LARGE_SEEDS, SEEDS, SIDE_PX
from common import RESULTS, ROOT, append_row, machine, read_rows

from finetune.advice.measure import Measuring, measure
from finetune.data.sources import open_source
from finetune.model.backbones import find_backbone
from finetune.model.weights import locate_weights

ROWS = RESULTS / "advisor-measures.jsonl"
BACKBONE = "tf_efficientnet_lite0"


def measured(entry: GridSet, size: int, seed: int, folder: Path) -> dict[str, Any]:
    source = open_source(str(manifest(entry, folder, size=size, seed=seed)))
    images = [image for image in source.images if image.split == "train"]
    backbone = find_backbone(BACKBONE)
    begun = time.perf_counter()
    weights = locate_weights(backbone, "packaged", offline=True)
    found = measure(images, Measuring(backbone, weights, seed, image_size=SIDE_PX))
    seconds = round(time.perf_counter() - begun, 2)
    row = {
        "set": entry.name,
        "base": entry.base,
        "n": size,
        "seed": seed,
        "n_classes": len(source.class_names),
    }
    return row | {"measures": found.to_json(), "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="NAME")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "checkpoints" / "advisor", help="where the pictures are written"
    )
    options = parser.parse_args()
    done = {(row["set"], row["n"], row["seed"]) for row in read_rows(ROWS)}
    where = machine()
    for entry, size, seed in sorted(
        _wanted(options.sets), key=lambda cell: (cell[1] == LARGE, cell[2], cell[1])
    ):
        if (entry.name, size, seed) in done:
            continue
        row = measured(entry, size, seed, options.folder)
        append_row(ROWS, row | {"machine": where})
        gain, shift = row["measures"]["gain"]["value"], row["measures"]["shift"]
        print(
            f"{entry.name} n {size} seed {seed}: gain {gain:.2f}, shift {shift}, {row['seconds']} s",
            flush=True,
        )


def _wanted(names: list[str]) -> list[tuple[GridSet, int, int]]:
    return [
        (SETS[name], size, seed)
        for name in names
        for size in SETS[name].sizes
        for seed in (LARGE_SEEDS if size == LARGE else SEEDS)
    ]


if __name__ == "__main__":
    main()
