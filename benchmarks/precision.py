"""How far bf16 is from fp32: accuracy and flipped answers of a trained classifier, one for each strategy.

    python benchmarks/precision.py BUNDLE...   # runs or bundles, of CIFAR-10 or of DATA
    python benchmarks/precision.py --data DATA BUNDLE...

Every image of DATA's test split (CIFAR-10: 10,000) goes through each classifier twice, along the same path. Each
finished classifier is a row in ``results/precision.jsonl``; a second call does only what is missing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import RESULTS, append_row, data_set, machine, markdown_table, read_rows

from finetune.bundle.bundle import Bundle, load_bundle
from finetune.data.loading import measuring_loader
from finetune.data.sources import LabelledImage, open_source
from finetune.model.file_hash import sha256_of
from finetune.model.precision import Concrete, detect

ROWS = RESULTS / "precision.jsonl"
CIFAR = "cifar10.tar.xz"


def answers(
    bundle: Bundle, images: Sequence[LabelledImage]
) -> tuple[dict[Concrete, np.ndarray], dict[Concrete, float]]:
    """Return n x K logits and the seconds of the network alone, in each precision; each image is decoded once."""
    loader = measuring_loader([image.path for image in images], bundle.preprocessing, batch_size=32)
    variants = {name: replace(bundle, precision=name) for name in ("fp32", "bf16")}
    logits: dict[Any, list[torch.Tensor]] = {name: [] for name in variants}
    seconds: dict[Any, float] = dict.fromkeys(variants, 0.0)
    for batch in loader:
        for name, variant in variants.items():
            started = time.perf_counter()
            logits[name].append(variant.logits(batch))
            seconds[name] += time.perf_counter() - started
    return {name: torch.cat(parts).numpy() for name, parts in logits.items()}, seconds


def measure(where: Path, images: Sequence[LabelledImage], data: str) -> dict[str, Any]:
    bundle = load_bundle(where)
    targets = np.array([bundle.class_names.index(image.label) for image in images])
    logits, seconds = answers(bundle, images)
    labels = {name: values.argmax(axis=1) for name, values in logits.items()}
    return {
        "name": where.name if where.name != "bundle" else where.parent.name,
        "sha256": sha256_of(bundle.folder / "model.safetensors"),
        "data": data,
        "backbone": bundle.backbone,
        "image_size": bundle.preprocessing.image_size,
        "n_images": len(images),
        "accuracy": {name: float((label == targets).mean()) for name, label in labels.items()},
        "flips": int((labels["fp32"] != labels["bf16"]).sum()),
        "largest_logit_difference": float(np.abs(logits["fp32"] - logits["bf16"]).max()),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "hardware_bf16": detect() == "bf16",
        "machine": machine(),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    header = ["classifier", "images", "fp32", "bf16", "difference", "flips", "times as fast"]
    cells = [
        [
            f"`{row['name']}` ({row['backbone']}, {row['image_size']} px)",
            f"{row['n_images']:,}",
            f"{100 * row['accuracy']['fp32']:.2f} %",
            f"{100 * row['accuracy']['bf16']:.2f} %",
            f"{100 * (row['accuracy']['bf16'] - row['accuracy']['fp32']):+.2f}",
            f"{row['flips']}",
            f"{row['seconds']['fp32'] / row['seconds']['bf16']:.1f}",
        ]
        for row in rows
    ]
    return markdown_table(header, cells)


def test_images(where: str) -> list[LabelledImage]:
    source = open_source(where)
    return [image for image in source.images if image.split == "test"] or list(source.images)


def unpacked(folder: str) -> str:
    """Return the folder of CIFAR-10's images, unpacked into ``folder``."""
    import tarfile

    with tarfile.open(data_set(CIFAR)) as archive:
        archive.extractall(folder, filter="data")
    return str(next(path.parent for path in Path(folder).rglob("test") if path.is_dir()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="*", type=Path, help="runs or bundles")
    parser.add_argument("--data", help="a labelled data set; CIFAR-10 without it")
    options = parser.parse_args()
    name = Path(options.data or CIFAR).name
    done = {(row["sha256"], row["data"]) for row in read_rows(ROWS)}
    left = [
        path
        for path in options.bundles
        if (sha256_of(load_bundle(path).folder / "model.safetensors"), name) not in done
    ]
    with tempfile.TemporaryDirectory() as folder:
        images = test_images(options.data or unpacked(folder)) if left else []
        for path in left:
            append_row(ROWS, measure(path, images, name))
    print(table(read_rows(ROWS)))


if __name__ == "__main__":
    main()
