"""Plant known faults into copies of sign-digits and CIFAR-10, and measure what the health check finds, and how fast.

Four parts: ``faults`` (recall and precision of each kind), ``speed`` (images a second beside cleanvision, which
has an environment of its own, and a second look at the same files), ``memory`` (the high-water mark at two sizes)
and ``labels`` (how many of 5 % wrong labels stand at the top of the list of suspects). A part that has its row on
this machine is not run again. ``--images N`` tries everything out on N images a set, whose rows are not kept;
``--readme`` writes the tables into the README.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import (
    RESULTS,
    ROOT,
    append_row,
    data_set,
    machine,
    markdown_table,
    read_rows,
    replace_in_readme,
    same_kind,
)
from faults.judge import Score, judge, name_all_examples
from faults.plant import copy_set, plant
from speed.contests import Peer
from speed.environments import InstallError, environment, versions_in

ROWS = RESULTS / "inspect_faults.jsonl"
SETS = ("sign-digits", "cifar10")
PARTS = ("faults", "speed", "memory", "labels")
MEMORY_IMAGES = (10_000, 60_000)
SPEED_IMAGES = 10_000
WRONG_SHARE = 0.05
TOP_SHARE = 0.075
HEADS = ("linear",)
SUSPECT_RECIPE = {"backbone": "tf_efficientnet_lite0", "weights": "packaged", "image_size": 128}
SEED = 0
CLEANVISION = Peer("cleanvision_.py", ("cleanvision",))
HERE = Path(__file__).parent / "faults"

Row = dict[str, Any]


def main() -> None:
    options = options_given()
    where = machine()
    rows = [] if options.images else rows_here(where)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        for part in options.parts:
            for row in MEASURES[part](Path(folder), options, rows):
                tell(row)
                if not options.images:
                    append_row(ROWS, row | {"seed": SEED, "machine": where})
    if options.readme:
        replace_in_readme("inspect-faults", tables(rows_here(where)))


def options_given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure")
    parser.add_argument(
        "--images", type=int, metavar="N", help="try out on so many images; rows are not kept"
    )
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="where copies lie meanwhile")
    parser.add_argument(
        "--envs", type=Path, default=ROOT / ".speed-envs", metavar="DIR", help="cleanvision's environment"
    )
    parser.add_argument("--keep", action="store_true", help="leave the environment there")
    parser.add_argument("--readme", action="store_true", help="write the tables into the README")
    return parser.parse_args()


def measure_faults(folder: Path, options: argparse.Namespace, rows: list[Row]) -> Iterator[Row]:
    """Give a row for each set: what was planted, what was found."""
    from finetune.data.health import inspect_source
    from finetune.data.sources import open_source

    name_all_examples()
    for name in SETS:
        if any(row["part"] == "faults" and row["data"] == name for row in rows):
            continue
        root = folder / f"faults-{name}"
        classes = class_folders(name, folder)
        per_class = options.images and max(1, options.images // len(classes))
        copy_set(classes, root, per_class=per_class, seed=SEED)
        index = folder / f"{name}.sqlite"
        before = inspect_source(open_source(root), index=index)
        known = {image for finding in before.findings for image in named_in(finding.examples)}
        truth = plant(root, known, seed=SEED)
        report = inspect_source(open_source(root), index=index)
        scores = judge(report, before, truth)
        yield {
            "part": "faults",
            "data": name,
            "images": len(report.images) + len(report.quarantine),
            "near_before": len(before.near_duplicates),
            "mirrored_before": len(before.mirrored_duplicates),
            "scores": [asdict(score) for score in scores],
        }
        shutil.rmtree(root)


def named_in(examples: tuple[str, ...]) -> Iterator[str]:
    """Give the names that a finding's examples tell."""
    for example in examples:
        for part in example.split(" = "):
            yield part.split(": ")[0]


def measure_speed(folder: Path, options: argparse.Namespace, rows: list[Row]) -> Iterator[Row]:
    """Give a row for each set: our first and second look and cleanvision's, one after the other."""
    small, photos = partial(cifar_of, folder, options.images or SPEED_IMAGES), partial(photographs, folder)
    for name, images in (("cifar10", small), ("imagenet-1000", photos)):
        if any(row["part"] == "speed" and row["data"] == name for row in rows):
            continue
        root, index = images(), folder / f"speed-{name}.sqlite"
        row: Row = {
            "part": "speed",
            "data": name,
            "first": timed(Path(sys.executable), "timed.py", root, index),
            "second": timed(Path(sys.executable), "timed.py", root, index),
        }
        try:
            with environment("cleanvision", CLEANVISION, options.envs, keep=options.keep) as python:
                row["versions"] = versions_in(python)
                row["cleanvision"] = timed(python, CLEANVISION.script, root)
        except InstallError as error:
            row["error"] = f"cleanvision does not install: {error}"
        yield row


def measure_memory(folder: Path, options: argparse.Namespace, rows: list[Row]) -> Iterator[Row]:
    """Give a row for each size: the high-water mark of a first look."""
    for n_images in [options.images] if options.images else MEMORY_IMAGES:
        if any(row["part"] == "memory" and row["images"] == n_images for row in rows):
            continue
        root = cifar_of(folder, n_images)
        yield {
            "part": "memory",
            "data": "cifar10",
            **timed(Path(sys.executable), "timed.py", root, folder / f"memory-{n_images}.sqlite"),
        }


def measure_labels(folder: Path, options: argparse.Namespace, rows: list[Row]) -> Iterator[Row]:
    """Give a row for each head: the share of the wrong labels among the first of the list of suspects."""
    from finetune.recipe import Recipe
    from finetune.training.suspects import find_suspects

    root = folder / f"labels-{options.images or 'all'}"
    wrong = wrong_labels(class_folders("cifar10", folder), root, options.images)
    for head in HEADS:
        if any(row["part"] == "labels" and row["head"] == head for row in rows):
            continue
        begun = time.perf_counter()
        suspects = find_suspects(root, Recipe(**SUSPECT_RECIPE, head=head, seed=SEED), offline=True)
        n_top = round(TOP_SHARE * len(suspects.ranked))
        issues = {suspect.name for suspect in suspects.issues}
        yield {
            "part": "labels",
            "data": "cifar10",
            "head": head,
            **SUSPECT_RECIPE,
            "images": len(suspects.ranked),
            "planted": len(wrong),
            "top_share": TOP_SHARE,
            "in_top": sum(suspect.name in wrong for suspect in suspects.ranked[:n_top]),
            "flagged": len(issues),
            "flagged_planted": len(issues & wrong),
            "cross_validated_accuracy": round(suspects.accuracy, 4),
            "seconds": round(time.perf_counter() - begun, 1),
        }


def wrong_labels(classes: dict[str, Path], root: Path, limit: int | None) -> set[str]:
    """Link the images of ``classes`` under ``root``, one in twenty in a wrong class; return the names of these."""
    random, wrong = np.random.default_rng(SEED), set()
    for label, folder in classes.items():
        files = sorted(folder.iterdir())[: limit and max(1, limit // len(classes))]
        moved = set(random.choice(len(files), size=round(WRONG_SHARE * len(files)), replace=False).tolist())
        others = [other for other in classes if other != label]
        for rank, path in enumerate(files):
            given = random.choice(others) if rank in moved else label
            target = root / given / f"{label}-{path.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
            if rank in moved:
                wrong.add(target.relative_to(root).as_posix())
    return wrong


MEASURES = {
    "faults": measure_faults,
    "speed": measure_speed,
    "memory": measure_memory,
    "labels": measure_labels,
}


def timed(python: Path, script: str, *arguments: Path) -> Row:
    """Run one of the scripts of ``faults/`` in a process of its own and return what it measured."""
    command = [str(python), str(HERE / script), *map(str, arguments)]
    ours = {"PYTHONPATH": str(ROOT)} if python == Path(sys.executable) else {}
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | ours
    )
    measured: Row = json.loads(done.stdout.splitlines()[-1])
    return measured


def class_folders(name: str, folder: Path) -> dict[str, Path]:
    """Unpack a shared set once and return the folder of each class."""
    if name == "cifar10":
        root = cifar(folder) / "train"
    else:
        root = folder / name / name
        if not root.exists():
            with zipfile.ZipFile(data_set(f"{name}.zip")) as archive:
                archive.extractall(folder / name)
    return {path.name: path for path in sorted(root.iterdir()) if path.is_dir()}


def cifar(folder: Path) -> Path:
    root = folder / "cifar10"
    if not root.exists():
        with tarfile.open(data_set("cifar10.tar.xz")) as archive:
            archive.extractall(folder, filter="data")
    return root


def cifar_of(folder: Path, n_images: int) -> Path:
    """Return a folder of classes with ``n_images`` of CIFAR-10, its train images first, as links to the files."""
    root = folder / f"cifar-{n_images}"
    if root.exists():
        return root
    per_class = n_images // 10
    for label in sorted(path.name for path in (cifar(folder) / "train").iterdir()):
        files = [
            path for part in ("train", "test") for path in sorted((cifar(folder) / part / label).iterdir())
        ]
        (root / label).mkdir(parents=True)
        for path in files[:per_class]:
            os.link(path, root / label / f"{path.parent.parent.name}-{path.name}")
    return root


def photographs(folder: Path) -> Path:
    """Unpack a thousand photographs, dealt to ten classes by number."""
    root = folder / "photographs"
    if not root.exists():
        with tarfile.open(data_set("imagenet-1000.tar")) as archive:
            archive.extractall(folder / "imagenet", filter="data")
        for rank, path in enumerate(sorted((folder / "imagenet").rglob("*.*"))):
            (root / f"class-{rank % 10}").mkdir(parents=True, exist_ok=True)
            path.rename(root / f"class-{rank % 10}" / path.name)
    return root


def rows_here(where: Row) -> list[Row]:
    """Return the rows that were measured on a processor of this kind: another's are no substitute."""
    return [row for row in read_rows(ROWS) if same_kind(row["machine"], where)]


def tell(row: Row) -> None:
    if row["part"] == "faults":
        print(
            f"\n{row['data']}: {row['images']:,} images; near-duplicates before planting: {row['near_before']}"
        )
        print(markdown_table(*_fault_table([row])))
    elif row["part"] == "speed":
        print("\n" + speed_line(row))
    elif row["part"] == "labels":
        print("\n" + labels_line(row))
    else:
        print("\n" + memory_line([row]))


def _fault_table(rows: list[Row]) -> tuple[list[str], list[list[str]]]:
    header = ["fault"]
    for row in rows:
        header += [f"{row['data']}: planted", "recall", "precision"]
    lines = []
    for rank, first in enumerate(rows[0]["scores"]):
        line = [first["kind"]]
        for row in rows:
            score = Score(**row["scores"][rank])
            line += [str(score.planted), f"{100 * score.recall:.1f} %", f"{100 * score.precision:.1f} %"]
        lines.append(line)
    return header, lines


def speed_line(row: Row) -> str:
    first, second = row["first"], row["second"]
    whole, again = (look["open_s"] + look["inspect_s"] for look in (first, second))
    said = (
        f"{first['images']:,} images of {row['data']}: {first['images'] / whole:,.0f} images/s the first time "
        f"({whole:.1f} s), {again:.2f} s the second ({whole / again:.0f} times faster)"
    )
    if "cleanvision" not in row:
        return f"{said}; {row['error']}"
    theirs = row["cleanvision"]
    return (
        f"{said}; cleanvision {theirs['images'] / theirs['inspect_s']:,.0f} images/s "
        f"({theirs['inspect_s']:.1f} s, {theirs['inspect_s'] / whole:.1f} times as long)"
    )


def memory_line(rows: list[Row]) -> str:
    told = [f"{row['peak_mib']:.0f} MiB at {row['images']:,} images" for row in rows]
    return "Peak memory of the checking process: " + ", ".join(told)


def labels_line(row: Row) -> str:
    return (
        f"{row['planted']:,} wrong labels among {row['images']:,} images of CIFAR-10, features of "
        f"{row['backbone']} at {row['image_size']} px, {row['head']} head: "
        f"{100 * row['in_top'] / row['planted']:.1f} % of them are in the first {100 * row['top_share']:.1f} % of "
        f"the suspects; {row['flagged']:,} are called wrong, {row['flagged_planted']:,} of them rightly "
        f"({row['seconds']:.0f} s)"
    )


def tables(rows: list[Row]) -> str:
    """Return the tables for the README from the newest rows."""
    faults = {row["data"]: row for row in rows if row["part"] == "faults"}
    parts = (
        [markdown_table(*_fault_table([faults[name] for name in SETS if name in faults]))] if faults else []
    )
    speed = {row["data"]: row for row in rows if row["part"] == "speed"}
    parts += [speed_line(row) for row in speed.values()]
    memory = {row["images"]: row for row in rows if row["part"] == "memory"}
    parts += [memory_line([memory[size] for size in sorted(memory)])] if memory else []
    labels = {row["head"]: row for row in rows if row["part"] == "labels"}
    parts += [labels_line(labels[head]) for head in HEADS if head in labels]
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
