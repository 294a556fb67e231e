"""CIFAR-10, all 50,000 + 10,000 images: three networks from scratch against the four strategies.

Each row is a recipe of the table `RECIPES`, run by ``finetune fit`` in a process of its own under
``checkpoints/cifar10/``; a finished one is a row in ``results/cifar10.jsonl``. A second call does only what is
missing, and goes on with a run that was interrupted by ``finetune fit --resume``. ``--rows NAME…`` does a part,
``--readme`` writes the table into the README.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import yaml
from common import RESULTS, ROOT, append_row, data_set, machine, markdown_table, read_rows, replace_in_readme

ROWS = RESULTS / "cifar10.jsonl"
FOLDER = ROOT / "checkpoints" / "cifar10"
PARTS = ("train", "test")
SEED = 0

# Of 50,000 images, a twentieth to choose the epoch by is within half a point of the truth.
COMMON = {"seed": SEED, "val_share": 0.05}
# The side that the images have: a fully connected layer gains nothing from larger ones.
BASELINE = {"strategy": "from-scratch", "image_size": 32, "augment": "crop-flip", "batch_size": 256}
LITE0 = {"backbone": "tf_efficientnet_lite0", "weights": "packaged"}

RECIPES: dict[str, dict[str, Any]] = {
    "fc2": BASELINE | {"backbone": "fc2", "hidden": [2048], "epochs": 40, "max_minutes": 20},
    "fc3": BASELINE | {"backbone": "fc3", "hidden": [4096, 1024], "epochs": 40, "max_minutes": 30},
    "cnn-small": BASELINE | {"backbone": "cnn-small", "epochs": 30, "max_minutes": 20},
    "from-scratch": {
        "strategy": "from-scratch",
        "backbone": "tf_efficientnet_lite0",
        "image_size": 48,
        "augment": "crop-flip",
        "batch_size": 128,
        "precision": "fp32",
        "max_minutes": 12,
    },
    "freeze-all": LITE0 | {"strategy": "freeze-all", "head": "multi-stage", "image_size": 128},
    "partial": LITE0
    | {
        "strategy": "partial",
        "strategy_options": {"stages": 3},
        "image_size": 64,
        "augment": "crop-flip",
        "batch_size": 128,
        "views": 2,
        "epochs": 6,
        "max_minutes": 12,
    },
    "full-finetune": LITE0
    | {
        "strategy": "full-finetune",
        "strategy_options": {"layer_decay": 0.9},
        "image_size": 80,
        "grow_from": 48,
        "augment": "crop-flip",
        "batch_size": 128,
        "lr": 1.5e-3,
        "batch_norm": "train",
        "ema": 0.998,
        "epochs": 16,
        "max_minutes": 66,
    },
    "full-finetune-64px": LITE0
    | {
        "strategy": "full-finetune",
        "strategy_options": {"layer_decay": 0.9},
        "image_size": 64,
        "augment": "crop-flip",
        "batch_size": 128,
        "lr": 1.5e-3,
        "label_smoothing": 0.1,
        "batch_norm": "train",
        "ema": 0.998,
        "precision": "fp32",
        "epochs": 16,
        "max_minutes": 66,
    },
}
"""``max_minutes`` holds the training; checking 60,000 images before it and judging 10,000 after it come on top."""

KEPT = (
    "strategy",
    "backbone",
    "accuracy",
    "accuracy_interval",
    "n_correct",
    "n_train",
    "n_val",
    "n_test",
    "image_size",
    "trainable_share",
    "seconds",
    "seconds_by_phase",
    "stopped",
    "seed",
)


def images(limit: int | None) -> Path:
    """Return the folder of ``train/CLASS/`` and ``test/CLASS/``; ``limit`` keeps so many images a class."""
    name = "data" if limit is None else f"data-{limit}"
    target, partial = FOLDER / name, FOLDER / f".{name}.tmp"
    if not target.exists():
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(data_set("cifar10.tar.xz")) as archive:
            archive.extractall(partial, filter="data")
        for folder in partial.glob("*/*/*"):
            for image in sorted(folder.iterdir())[limit:] if limit is not None else ():
                image.unlink()
        (partial / "cifar10").rename(target)
        partial.rmdir()
    return target


def measure(name: str, recipe: dict[str, Any], *, limit: int | None) -> dict[str, Any]:
    """Return the row of the recipe called ``name``, from a new run or from the one that was begun."""
    out = FOLDER / (f"run-{name}" if limit is None else f"try-{name}")
    resumed = (out / "run.json").exists()
    if not (out / "report.json").exists():
        if not resumed:
            shutil.rmtree(out, ignore_errors=True)
        command = [sys.executable, "-m", "finetune", "fit", "--offline", *_what(name, recipe, out, limit)]
        subprocess.run(command, check=True, cwd=ROOT)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    run = yaml.safe_load((out / "recipe.yaml").read_text(encoding="utf-8"))
    row = {"name": name, **{field: report[field] for field in KEPT}, "resumed": resumed}
    return row | {"asked": recipe, "recipe": run, "machine": machine()}


def _what(name: str, recipe: dict[str, Any], out: Path, limit: int | None) -> list[str]:
    """Return the arguments that begin the run, or go on with it."""
    if (out / "run.json").exists():
        return ["--resume", str(out)]
    path = FOLDER / f"{name}.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return [str(images(limit)), "--recipe", str(path), "--out", str(out)]


def table(rows: list[dict[str, Any]]) -> str:
    newest = {row["name"]: row for row in rows}
    if not newest:
        return "no rows yet"
    lines = [_line(newest[name]) for name in RECIPES if name in newest]
    first = next(iter(newest.values()))
    where = (
        f"{first['machine']['processor']}, {first['machine']['cores']} cores, no GPU; seed {first['seed']}"
    )
    header = ["row", "test accuracy (95 % interval)", "whole run", "parameters trained", "settings"]
    caption = (
        f"CIFAR-10, {first['n_train'] + first['n_val']:,} images to learn from (of them {first['n_val']:,} to choose "
        f"the epoch by) and {first['n_test']:,} to test on ({where}):"
    )
    return f"{caption}\n\n{markdown_table(header, lines)}"


def _line(row: dict[str, Any]) -> list[str]:
    low, high = (100 * bound for bound in row["accuracy_interval"])
    return [
        f"`{row['name']}`" + (f", {row['backbone']}" if row["name"] != row["backbone"] else ""),
        f"{100 * row['accuracy']:.2f} % ({low:.1f} – {high:.1f})",
        f"{row['seconds'] / 60:.0f} min",
        f"{100 * row['trainable_share']:.1f} %",
        _settings(row["recipe"]),
    ]


def _settings(recipe: dict[str, Any]) -> str:
    """Return what a reader would want to know of the filled recipe."""
    shown = [f"{recipe['image_size']} px"]
    shown += [f"{recipe['epochs']} epochs of {recipe['batch_size']}"] if "epochs" in recipe else []
    shown += [f"{name} {recipe[name]}" for name in ("augment", "head", "schedule", "lr") if name in recipe]
    shown += [f"hidden {' + '.join(map(str, recipe['hidden']))}"] if "hidden" in recipe else []
    named = {"grow_from": "growing from"}
    named |= {"ema": "EMA", "average_last": "average of last", "batch_norm": "batch norm", "mixup": "mixup"}
    shown += [f"{text} {recipe[name]}" for name, text in named.items() if name in recipe]
    shown += [f"{name} {value:g}" for name, value in (recipe.get("strategy_options") or {}).items()]
    return ", ".join(shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=RECIPES, default=list(RECIPES), metavar="NAME")
    parser.add_argument("--again", action="store_true", help="run those rows anew, whatever is there")
    parser.add_argument(
        "--try-out", action="store_true", help="one epoch of a few images: does it run at all?"
    )
    parser.add_argument("--readme", action="store_true", help="write the table into the README")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows_file = FOLDER / "try.jsonl" if options.try_out else ROWS
    for name in options.rows:
        if options.again:
            shutil.rmtree(FOLDER / f"run-{name}", ignore_errors=True)
        elif name in {row["name"] for row in read_rows(rows_file)}:
            continue
        recipe = COMMON | RECIPES[name]
        if options.try_out:
            recipe |= {"epochs": 1} if "epochs" in recipe or "lr" in recipe else {}
            recipe |= {"val_share": 0.2, "batch_size": 16} if "batch_size" in recipe else {"val_share": 0.2}
        append_row(rows_file, measure(name, recipe, limit=20 if options.try_out else None))
    print(table(read_rows(rows_file)))
    if options.readme:
        replace_in_readme("cifar10", table(read_rows(ROWS)))


if __name__ == "__main__":
    main()
