"""The data sets of the grid by name, each with the base set that it stands or falls with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import append_row, read_rows

from advisor import derived, drawn, given
from advisor.pictures import Maker

MOST_TEST = 1_000


@dataclass(frozen=True)
class GridSet:
    """A data set: ``base`` names what is held out together, ``sizes`` how many images are drawn to learn from."""

    name: str
    base: str
    make: Maker
    sizes: tuple[int, ...] = (200, 800)


def _drawn(
    name: str, labels: tuple[str, ...], draw: drawn.Draw, *, seed: int, large: bool = False
) -> GridSet:
    sizes = (200, 800, 3_200) if large else (200, 800)
    return GridSet(name, name, drawn.family(labels, draw, seed=seed), sizes)


def _numbers(count: int) -> tuple[str, ...]:
    return tuple(f"class-{number}" for number in range(count))


_ALL = (
    GridSet("hymenoptera", "hymenoptera", given.zipped("hymenoptera", test="val"), (200,)),
    GridSet("sign-digits", "sign-digits", given.zipped("sign-digits", test=None)),
    GridSet("blood-cells", "blood-cells", given.zipped("blood-cells", test="test"), (200, 800, 3_200)),
    GridSet("cifar10", "cifar10", given.cifar, (200, 800, 3_200)),
    GridSet("small-digits", "small-digits", given.small_digits),
    GridSet("surfaces", "surfaces", given.surfaces),
    _drawn("counting", _numbers(6), drawn.counting, seed=1, large=True),
    _drawn("orientation", _numbers(8), drawn.orientation, seed=2),
    _drawn("relations", _numbers(4), drawn.relations, seed=3),
    _drawn("defects", _numbers(4), drawn.defects, seed=4),
    _drawn("spectra", _numbers(6), drawn.spectra, seed=5, large=True),
    _drawn("charts", _numbers(4), drawn.charts, seed=6),
    GridSet("glyphs", "glyphs", drawn.glyphs()),
    GridSet("cifar-edges", "cifar10", derived.of_cifar(derived.edges)),
    GridSet("cifar-inverted", "cifar10", derived.of_cifar(derived.inverted)),
    GridSet("cifar-patches", "cifar10", derived.of_cifar(derived.patches)),
    GridSet("cifar-pixels", "cifar10", derived.of_cifar(derived.pixels)),
    GridSet("cifar-spectrum", "cifar10", derived.of_cifar(derived.spectrum)),
)
SETS: Mapping[str, GridSet] = {entry.name: entry for entry in _ALL}


def written(entry: GridSet, folder: Path) -> Path:
    """Write the pictures of a set as PNG files under ``folder``, once, and return where they lie."""
    root = folder / entry.name
    listing = root / "pictures.jsonl"
    if (root / "complete").exists():
        return root
    listing.unlink(missing_ok=True)
    for rank, (part, label, image) in enumerate(entry.make()):
        path = root / part / label / f"{rank:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
        append_row(listing, {"path": path.relative_to(root).as_posix(), "part": part, "label": label})
    (root / "complete").touch()
    return root


def manifest(entry: GridSet, folder: Path, *, size: int, seed: int) -> Path:
    """Return a manifest of ``size`` images to learn from, classes in equal shares, and `MOST_TEST` to test on."""
    root = written(entry, folder)
    by_part: dict[str, dict[str, list[str]]] = {"train": defaultdict(list), "test": defaultdict(list)}
    for row in read_rows(root / "pictures.jsonl"):
        by_part[row["part"]][row["label"]].append(row["path"])
    train = _drawn_from(by_part["train"], size, np.random.default_rng([seed, size]))
    test = _drawn_from(by_part["test"], MOST_TEST, np.random.default_rng(0))
    lines = ["path,label,split"]
    lines += [f"{path},{label},train" for path, label in train]
    lines += [f"{path},{label},test" for path, label in test]
    table = root / f"n{size}-seed{seed}.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def _drawn_from(
    paths: Mapping[str, list[str]], most: int, random: np.random.Generator
) -> list[tuple[str, str]]:
    """Return up to ``most`` (path, label), one of each class in turn."""
    mixed = {
        label: [paths[label][rank] for rank in random.permutation(len(paths[label]))]
        for label in sorted(paths)
    }
    turns = [
        (mixed[label][rank], label)
        for rank in range(max(map(len, mixed.values())))
        for label in mixed
        if rank < len(mixed[label])
    ]
    return sorted(turns[:most])
