"""The exported file beside the bundle: backbones x formats, on photographs of ImageNet.

    python benchmarks/parity.py [--backbone NAME]... [--precision fp32|fp16|int8]... [--images 200] [--write]

Each cell is a row of benchmarks/results/parity.jsonl: flips, the largest difference of a logit, bytes, and images
a second through both from the decoded image on. Cells that are there already are passed over. EfficientNet-Lite0
has its packaged ImageNet weights below a fresh head; the others are random, whose logits lie closer together than
those of a trained network, so that their flips are the worst case. ``--write`` puts the table into docs/export.md.
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, append_row, data_set, machine, markdown_table, read_rows, replace_between

from finetune.bundle.bundle import load_bundle, write_bundle
from finetune.data.images import load_rgb
from finetune.data.transforms import Preprocessing
from finetune.export.export import export
from finetune.export.precision import PRECISIONS
from finetune.export.session import open_session, run_image
from finetune.model.backbones import CATALOGUE, PACKAGED_BACKBONE, find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS, locate_weights
from finetune.progress import SILENT

TABLE = RESULTS / "parity.jsonl"
BACKBONES = (
    PACKAGED_BACKBONE,
    "tf_efficientnet_lite2",
    "resnet18",
    "resnet50",
    "vgg11",
    "vgg16_bn",
    "test_convnext",
    "fc2",
)
"""One or two of each family."""
N_CLASSES = 10
TIMED = 32
ANY_NUMBER = 1_000_000


def unpack(folder: Path, n_images: int) -> list[Path]:
    """Write every so manieth image of the archive below ``folder`` and return the paths."""
    with tarfile.open(data_set("imagenet-1000.tar")) as archive:
        members = sorted((m for m in archive.getmembers() if m.isfile()), key=lambda m: m.name)
        images = [m for m in members if m.name.lower().endswith((".jpg", ".jpeg", ".png"))]
        archive.extractall(folder, images[:: max(1, len(images) // n_images)][:n_images], filter="data")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def bundle_of(name: str, folder: Path) -> Path:
    """Write a bundle of the backbone ``name`` with a fresh head of ten classes."""
    backbone = find_backbone(name)
    weights = NO_WEIGHTS
    if name == PACKAGED_BACKBONE:
        weights = locate_weights(backbone, "packaged", offline=True, reporter=SILENT)
    size = backbone.image_size
    model = build(backbone, n_classes=N_CLASSES, weights=weights, seed=0, image_size=size)
    path = Preprocessing(size, backbone.mean, backbone.std, backbone.interpolation, backbone.crop)
    names = [f"class {n}" for n in range(N_CLASSES)]
    write_bundle(folder, model.eval(), backbone=backbone, class_names=names, preprocessing=path)
    return folder


def cell(name: str, precision: Any, images: list[Path], folder: Path) -> dict[str, Any]:
    """Export one backbone in one precision and measure."""
    where = bundle_of(name, folder / "bundle")
    found = export(
        where,
        out=folder / "model.onnx",
        precision=precision,
        check=str(images[0].parent),
        calibrate=str(images[0].parent) if precision == "int8" else None,
        max_flips=None if precision == "fp32" else ANY_NUMBER,
    )
    values = found.to_json()
    bundle, session = replace(load_bundle(where, checked=False), precision="fp32"), open_session(found.path)
    decoded = [load_rgb(path) for path in images[:TIMED]]
    row = {name: values[name] for name in ("checked", "flips", "max_abs_dlogit", "bytes")}
    return {
        "backbone": name,
        "precision": precision,
        "images": len(images),
        **row,
        "bundle_images_s": rate(lambda image: bundle.logits(bundle.preprocessing(image)[None]), decoded),
        "file_images_s": rate(lambda image: run_image(session, image), decoded),
        **machine(),
    }


def rate(work: Any, decoded: list[Any]) -> float:
    """Return images a second, one at a time, after a warm-up."""
    work(decoded[0])
    started = time.perf_counter()
    for image in decoded:
        work(image)
    return round(len(decoded) / (time.perf_counter() - started), 2)


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as Markdown."""
    header = ("backbone", "format", "flips", "largest Δ of a logit", "MB", "images/s bundle", "images/s file")
    return markdown_table(
        header,
        (
            (
                row["backbone"],
                row["precision"],
                f"{row['flips']} of {row['checked']}",
                f"{row['max_abs_dlogit']:.2g}",
                f"{row['bytes'] / 1e6:.1f}",
                f"{row['bundle_images_s']:g}",
                f"{row['file_images_s']:g}",
            )
            for row in rows
        ),
    )


def main() -> None:
    """Measure the cells that are missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", action="append", choices=list(CATALOGUE))
    parser.add_argument("--precision", action="append", choices=PRECISIONS)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    done = {(row["backbone"], row["precision"], row["images"]) for row in read_rows(TABLE)}
    with tempfile.TemporaryDirectory() as place:
        images = unpack(Path(place) / "images", chosen.images)
        for name in chosen.backbone or BACKBONES:
            for precision in chosen.precision or PRECISIONS:
                if (name, precision, len(images)) not in done:
                    with tempfile.TemporaryDirectory() as folder:
                        append_row(TABLE, cell(name, precision, images, Path(folder)))
    text = table(read_rows(TABLE))
    print(text)
    if chosen.write:
        replace_between(ROOT / "docs" / "export.md", "parity", text)


if __name__ == "__main__":
    main()
