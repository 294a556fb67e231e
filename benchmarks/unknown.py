"""How well unknown images are told from known ones, and how often sets of plausible classes hold the true one.

Known: the ten sign-language digits, and five classes of CIFAR-10; EfficientNet-Lite0 frozen at 96 px with a solved
head, 20 random splits into 60 % training, 20 % validation, 20 % test. Unknown: other data sets and noise (far), and
the other five classes of CIFAR-10 (near). Each known set appends its rows to ``results/unknown.jsonl``; a second call
does only what is missing. ``--write`` renews the tables in ``docs/trusting-answers.md``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, ROOT, append_row, data_set, machine, markdown_table, read_rows, replace_between
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from finetune.data.loading import measuring_loader
from finetune.known.conformal import KINDS as SET_KINDS
from finetune.known.conformal import fit_conformal
from finetune.known.reject import KINDS, Reject, energies, fit_reject
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.features import extract_features
from finetune.model.layers import layer_groups
from finetune.model.weights import locate_weights
from finetune.training.head import SolvedHead, solve_head
from finetune.training.resolve import preprocessing_of

ROWS = RESULTS / "unknown.jsonl"
PAGE = ROOT / "docs" / "trusting-answers.md"
SIDE_PX = 96
SPLITS = 20
COVERAGES = (0.8, 0.9, 0.95)
PATTERNS = {
    "sign-digits": ("sign-digits/*/*", 3_000),
    "blood-cells": ("blood-cells/test/*/*", 600),
    "hymenoptera": ("hymenoptera/*/*/*", 400),
    "noise": ("noise/*", 300),
}
"""Where the images of a set lie, and how many are taken."""

PER_CLASS = 700
USED_PER_CLASS = 300
"""Of CIFAR-10 as many a class are extracted, and as many used: 900 images train a head in a second."""

N_NOISE = 300
CACHE = ROOT / ".unknown-cache"
LEFT_OUT = ("bird", "cat", "dog", "frog", "truck")
"""Of CIFAR-10: animals and a vehicle, so that both kinds are among the known ones too."""

FAR = ("blood-cells", "hymenoptera", "noise")
UNKNOWN = {"sign-digits": FAR, "cifar10-5": ("cifar10-others", *FAR)}

Array = NDArray[np.float32]
Classes = NDArray[np.int64]


@dataclass(frozen=True)
class Features:
    """n x d ``rows`` of a set and its n ``labels``."""

    rows: Array
    labels: tuple[str, ...]

    def part(self, kept: Sequence[bool]) -> Features:
        """Return the rows that are ``kept``."""
        labels = tuple(label for label, is_kept in zip(self.labels, kept, strict=True) if is_kept)
        return Features(self.rows[np.array(kept)], labels)


def unpack(folder: Path) -> None:
    """Put all sets into ``folder``, and draw the noise."""
    for name in ("sign-digits", "blood-cells", "hymenoptera"):
        with zipfile.ZipFile(data_set(f"{name}.zip")) as archive:
            archive.extractall(folder)
    with tarfile.open(data_set("cifar10.tar.xz")) as archive:
        archive.extractall(folder, filter="data")
    (folder / "noise").mkdir()
    generator = np.random.default_rng(0)
    for number in range(N_NOISE):
        pixels = generator.integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "noise" / f"{number}.png")


def choose(folder: Path) -> dict[str, list[Path]]:
    """Return the images of each set in ``folder``, the same ones in each call."""
    draws = random.Random(0)

    def some(pattern: str, most: int) -> list[Path]:
        found = sorted(folder.glob(pattern))
        draws.shuffle(found)
        return found[:most]

    chosen = {name: some(pattern, most) for name, (pattern, most) in PATTERNS.items()}
    classes = sorted(path.name for path in (folder / "cifar10" / "train").iterdir())
    chosen["cifar10"] = [path for name in classes for path in some(f"cifar10/train/{name}/*", PER_CLASS)]
    return chosen


def features_of(name: str) -> Features:
    """Return the features of a set, from the cache beside the results where they were computed before."""
    kept = CACHE / f"{name}.npz"
    if not kept.is_file():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            unpack(Path(folder))
            for each, paths in choose(Path(folder)).items():
                if not (CACHE / f"{each}.npz").is_file():
                    np.savez(
                        CACHE / f"{each}.npz",
                        rows=extract(each, paths),
                        labels=[p.parent.name for p in paths],
                    )
    found = np.load(kept)
    return Features(found["rows"], tuple(map(str, found["labels"])))


def extract(name: str, paths: Sequence[Path]) -> Array:
    backbone = find_backbone("tf_efficientnet_lite0")
    weights = locate_weights(backbone, "packaged", offline=True)
    model = build(backbone, n_classes=2, weights=weights, seed=0, image_size=SIDE_PX)
    loader = measuring_loader(paths, preprocessing_of(backbone, SIDE_PX), workers=0)
    done = 0

    def count(n_images: int) -> None:
        nonlocal done
        done += n_images
        print(f"\r{name}: {done} of {len(paths)}", end="", file=sys.stderr, flush=True)

    rows = extract_features(model, layer_groups(model), loader, progress=count).penultimate
    print(file=sys.stderr)
    return rows


@dataclass(frozen=True)
class Fitted:
    """One split: the head, how each kind scores, the one that validation chose, and the validation and test rows."""

    head: SolvedHead
    rejects: Mapping[str, Reject]
    chosen: Reject
    validation: Array
    test: Array
    validation_targets: Classes
    test_targets: Classes

    def auroc(self, kind: str, unknown: Array) -> float:
        """Area under the curve of telling ``unknown`` features from the test split's; energy alone is a kind too."""
        strange = np.repeat([False, True], [len(self.test), len(unknown)])
        return float(
            roc_auc_score(strange, np.concatenate([self.score(kind, self.test), self.score(kind, unknown)]))
        )

    def score(self, kind: str, rows: Array) -> NDArray[np.float64]:
        """Return how strange each of the feature ``rows`` is."""
        logits = self.head.logits(rows)
        return energies(logits) if kind == "energy" else self.rejects[kind].scores(rows, logits)

    def share_known(self, rows: Array) -> float:
        """Return the share of feature ``rows`` that are called known."""
        return float(self.chosen.known(rows, self.head.logits(rows)).mean())


def fit(known: Features, seed: int) -> Fitted:
    targets = np.unique(known.labels, return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(len(targets))
    train, val, test = np.split(order, [int(0.6 * len(order)), int(0.8 * len(order))])
    rows = known.rows
    head = solve_head(rows[train], targets[train], n_classes=int(targets.max()) + 1, seed=seed)
    given: dict[str, Any] = {
        "held_out": rows[val],
        "logits": head.logits(rows[val]),
        "held_out_targets": targets[val],
    }
    reject = fit_reject(rows[train], targets[train], **given)
    rejects = {kind: replace(reject, kind=kind) for kind in KINDS}
    return Fitted(head, rejects, reject, rows[val], rows[test], targets[val], targets[test])


def judge(known_name: str, known: Features, unknown: Mapping[str, Features]) -> Iterator[dict[str, Any]]:
    splits = []
    for seed in range(SPLITS):
        splits.append(fit(known, seed))
        print(f"\r{known_name}: split {seed + 1} of {SPLITS}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    accuracy = np.mean([(s.head.logits(s.test).argmax(1) == s.test_targets).mean() for s in splits])
    common = {"known": known_name, "splits": SPLITS, "accuracy": round(float(accuracy), 4)}
    chosen = [split.chosen.kind for split in splits]
    kept = np.mean([split.share_known(split.test) for split in splits])
    for name, features in unknown.items():
        aurocs = {
            kind: round(float(np.mean([split.auroc(kind, features.rows) for split in splits])), 4)
            for kind in (*KINDS, "energy")
        }
        rejected = 1 - np.mean([split.share_known(features.rows) for split in splits])
        yield {
            **common,
            "measure": "auroc",
            "unknown": name,
            "n_unknown": len(features.labels),
            **aurocs,
            "of_chosen": round(float(np.mean([s.auroc(s.chosen.kind, features.rows) for s in splits])), 4),
            "chosen": {kind: chosen.count(kind) for kind in KINDS},
            "kept": round(float(kept), 4),
            "rejected": round(float(rejected), 4),
        }
    for score in SET_KINDS:
        for coverage in COVERAGES:
            yield {
                **common,
                "measure": "coverage",
                "score": score,
                "asked": coverage,
                **cover(splits, score, coverage),
            }


def cover(splits: Sequence[Fitted], score: Any, coverage: float) -> dict[str, Any]:
    held, sizes, empty = [], [], []
    for split in splits:
        fitted = fit_conformal(split.head.logits(split.validation), split.validation_targets, kind=score)
        members = fitted.sets(split.head.logits(split.test), coverage)
        held.append(members[np.arange(len(members)), split.test_targets].mean())
        sizes.append(members.sum(axis=1).mean())
        empty.append((~members.any(axis=1)).mean())
    return {
        "held": round(float(np.mean(held)), 4),
        "lowest": round(float(min(held)), 4),
        "highest": round(float(max(held)), 4),
        "size": round(float(np.mean(sizes)), 3),
        "empty": round(float(np.mean(empty)), 4),
    }


def measure(known_name: str) -> None:
    far = {name: features_of(name) for name in FAR}
    if known_name == "sign-digits":
        known, unknown = features_of("sign-digits"), far
    else:
        cifar = few_of(features_of("cifar10"))
        strange = [label in LEFT_OUT for label in cifar.labels]
        known = cifar.part([not is_strange for is_strange in strange])
        unknown = {"cifar10-others": cifar.part(strange), **far}
    rows = list(judge(known_name, known, unknown))
    for row in rows:  # all at once: a killed measurement leaves no half set
        append_row(ROWS, {**row, "machine": machine()})


def few_of(features: Features) -> Features:
    """Return the first images of each class."""
    met: Counter[str] = Counter()
    kept = []
    for label in features.labels:
        met[label] += 1
        kept.append(met[label] <= USED_PER_CLASS)
    return features.part(kept)


def tables() -> str:
    rows = read_rows(ROWS)
    auroc = markdown_table(
        (
            "known",
            "unknown",
            "distance",
            "either",
            "energy alone",
            "the chosen one",
            "known kept",
            "unknown rejected",
        ),
        (
            (
                row["known"],
                row["unknown"],
                *(f"{row[name]:.3f}" for name in ("distance", "either", "energy", "of_chosen")),
                *(f"{100 * row[name]:.0f} %" for name in ("kept", "rejected")),
            )
            for row in rows
            if row["measure"] == "auroc"
        ),
    )
    coverage = markdown_table(
        ("known", "score", "asked", "held on average", "of the splits", "classes in a set", "empty sets"),
        (
            (
                row["known"],
                row["score"],
                f"{100 * row['asked']:.0f} %",
                f"{100 * row['held']:.1f} %",
                f"{100 * row['lowest']:.1f} to {100 * row['highest']:.1f} %",
                f"{row['size']:.2f}",
                f"{100 * row['empty']:.1f} %",
            )
            for row in rows
            if row["measure"] == "coverage"
        ),
    )
    return f"{auroc}\n\n{coverage}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the tables in docs/trusting-answers.md")
    options = parser.parse_args()
    done = {row["known"] for row in read_rows(ROWS)}
    for name in UNKNOWN:
        if name not in done:
            measure(name)
    print(tables())
    if options.write:
        replace_between(PAGE, "unknown", tables())


if __name__ == "__main__":
    main()
