"""How long an advice takes, the first time and again, on sets of a given number of images."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import data_set, machine, markdown_table

from finetune.data.sources import open_source

WATCHED = """
import resource, subprocess, sys
code = subprocess.call([sys.executable, "-m", "finetune", *sys.argv[1:]])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, used.ru_utime + used.ru_stime, file=sys.stderr)
sys.exit(code)
"""
"""Runs finetune with its arguments and prints what it held at most, and its processor seconds."""


@dataclass(frozen=True)
class Ran:
    """The JSON of a command, the most memory it held (bytes), its seconds by the clock and of the processor."""

    answer: dict[str, Any]
    peak_bytes: int
    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class TimedSet:
    """The first ``n_images`` training images of a shared data set, spread over its classes."""

    title: str
    file: str
    n_images: int

    @property
    def name(self) -> str:
        """Return what tells it from the others."""
        return f"{self.file.partition('.')[0]}-{self.n_images}"


TIMED = (
    TimedSet("ants and bees, photographs", "hymenoptera.zip", 245),
    TimedSet("CIFAR-10, 32 px", "cifar10.tar.xz", 2_000),
    TimedSet("CIFAR-10, 32 px", "cifar10.tar.xz", 50_000),
)
TRIED_OUT = (
    TimedSet("ants and bees, photographs", "hymenoptera.zip", 30),
    TimedSet("CIFAR-10, 32 px", "cifar10.tar.xz", 120),
)


def run(words: Sequence[str], cache: Path) -> Ran:
    """Run a finetune command with ``cache`` as its cache, and return what it came to."""
    env = os.environ | {"FINETUNE_CACHE": str(cache), "FINETUNE_EXPERIENCE": "off"}
    command = [sys.executable, "-c", WATCHED, *words]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        sys.exit(f"finetune {' '.join(words)} failed:\n{done.stderr}")
    wall_s = time.perf_counter() - begun
    peak, cpu_s = done.stderr.splitlines()[-1].split()
    unit = 1 if sys.platform == "darwin" else 1024
    return Ran(json.loads(done.stdout), unit * int(peak), wall_s, float(cpu_s))


def laid_out(timed: TimedSet, scratch: Path) -> Path:
    """Copy the images of ``timed`` into a folder a class, and return the set's folder."""
    source = open_source(data_set(timed.file))
    by_class: dict[str, list[Path]] = {}
    for image in source.images:
        if image.split in (None, "train"):
            by_class.setdefault(image.label, []).append(image.path)
    deepest = max(map(len, by_class.values()))
    ranked = [
        (label, paths[rank])
        for rank in range(deepest)
        for label, paths in by_class.items()
        if rank < len(paths)
    ]
    root = scratch / timed.name
    for label in by_class:
        (root / label).mkdir(parents=True)
    for number, (label, path) in enumerate(ranked[: timed.n_images]):
        shutil.copyfile(path, root / label / f"{number}{path.suffix}")
    return root


def measure(timed: TimedSet, network: Sequence[str], scratch: Path) -> dict[str, Any]:
    """Advise twice, beginning with nothing kept, and return the row."""
    words = ["advise", str(laid_out(timed, scratch)), "--json", "--quiet", *network]
    first, second = (run(words, scratch / f"cache-{timed.name}") for _ in range(2))
    assert set(second.answer["kept"]) >= {"measures", "seconds"}, "the second advice measured anew"
    row: dict[str, Any] = {"set": timed.name, "title": timed.title, "images": timed.n_images}
    for name, ran in (("first", first), ("second", second)):
        row |= {f"{name}_s": round(ran.wall_s, 2), f"{name}_cpu_s": round(ran.cpu_s, 2)}
    return row | {"peak_bytes": max(first.peak_bytes, second.peak_bytes), "machine": machine()}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        [
            f"{row['images']:,}",
            row["title"],
            f"{row['first_s']:.0f} s ({row['first_cpu_s']:.0f} s)",
            f"{row['second_s']:.0f} s ({row['second_cpu_s']:.0f} s)",
            f"{row['peak_bytes'] / 1e9:.2f} GB",
        ]
        for row in rows
    ]
    return markdown_table(
        ("images", "set", "first advice (processor)", "again (processor)", "held at most"), lines
    )
