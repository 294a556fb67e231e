"""Predicting into a file beside what decoding and the network alone would allow, and its memory over many files.

    python benchmarks/predict_throughput.py [--backbone NAME]... [--memory]

On every image of imagenet-1000.tar: decoding and preparing alone (the threads that prediction uses), the network
alone (the engine that prediction chose, the same batches), and the whole of `write_predictions` with the choice
of the engine left out. The limit is what one after the other would give: 1 / (1 / decode + 1 / network). Rows go
to benchmarks/results/predict.jsonl. ``--memory`` predicts 100,000 files (those of sign-digits again and again) in a
process of its own and notes its memory after 10,000 and at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from common import (
    RESULTS,
    append_row,
    data_set,
    machine,
    markdown_table,
    read_rows,
    replace_between,
    resident_mib,
)
from parity import bundle_of, unpack

from finetune.bundle.bundle import load_bundle
from finetune.bundle.predict import BATCH_SIZE, decoding_threads, predict, read_views
from finetune.bundle.views import PLAIN
from finetune.model.backbones import PACKAGED_BACKBONE
from finetune.prediction.engines import choose_engine
from finetune.prediction.write import write_predictions

TABLE = RESULTS / "predict.jsonl"
DOCUMENT = Path(__file__).parents[1] / "docs" / "predict.md"
BACKBONES = (PACKAGED_BACKBONE, "resnet18", "resnet50")
MANY = 100_000
EARLY = 10_000
LISTED = 2_000


def throughput(name: str, images: list[Path], folder: Path) -> dict[str, Any]:
    """Measure one backbone; images a second."""
    bundle = load_bundle(bundle_of(name, folder / "bundle"))
    chosen = choose_engine(bundle, images * 1000)
    for path in images:
        path.read_bytes()
    with ThreadPoolExecutor(decoding_threads()) as pool:
        started = time.perf_counter()
        ready = list(pool.map(lambda path: read_views(bundle, path, PLAIN), images))
        decode_s = time.perf_counter() - started
    inputs = [
        torch.stack([views[0] for views in ready[at : at + BATCH_SIZE]])
        for at in range(0, len(ready), BATCH_SIZE)
    ]
    run = chosen.engine.outputs if bundle.calibration.can_judge else chosen.engine.logits
    run(inputs[0])
    started = time.perf_counter()
    for batch in inputs:
        run(batch)
    network_s = time.perf_counter() - started
    del ready, inputs
    started = time.perf_counter()
    if chosen.name == "torch":
        write_predictions(bundle, images, folder / "answers.csv", engine="torch")
        whole_s = time.perf_counter() - started
    else:
        for _ in predict(bundle, images, engine=chosen.engine):
            pass
        whole_s = time.perf_counter() - started
    n_images = len(images)
    limit = n_images / (decode_s + network_s)
    return {
        "what": "throughput",
        "backbone": name,
        "image_size": bundle.preprocessing.image_size,
        "images": n_images,
        "engine": chosen.name,
        "why": chosen.why,
        "decode_images_s": round(n_images / decode_s, 1),
        "network_images_s": round(n_images / network_s, 1),
        "limit_images_s": round(limit, 1),
        "images_s": round(n_images / whole_s, 1),
        "share_of_limit": round(n_images / whole_s / limit, 3),
        **machine(),
    }


def memory() -> dict[str, Any]:
    """Predict `MANY` files in a process of its own and return its memory on the way, MiB."""
    done = subprocess.run(
        [sys.executable, __file__, "--memory-child"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    return {"what": "memory", **json.loads(done.stdout.splitlines()[-1]), **machine()}


def memory_child() -> None:
    """Do the work of `memory` and print what it took."""
    with tempfile.TemporaryDirectory() as place:
        with zipfile.ZipFile(data_set("sign-digits.zip")) as archive:
            archive.extractall(place)
        few = sorted(Path(place).rglob("*.[jJ][pP][gG]"))[:LISTED]
        paths = [few[number % len(few)] for number in range(MANY)]
        bundle = load_bundle(bundle_of("test_resnet", Path(place) / "bundle"))
        seen: dict[int, float] = {}

        class Watch:
            def say(self, text: str) -> None:
                pass

            def track(self, _title: str) -> Any:
                from contextlib import nullcontext

                return nullcontext(self.advance)

            def advance(self, done: int, _total: int) -> None:
                if done // EARLY > (done - BATCH_SIZE) // EARLY:
                    seen[done // EARLY * EARLY] = resident_mib()

        started = time.perf_counter()
        write_predictions(bundle, paths, Path(place) / "a.csv", engine="torch", reporter=Watch())  # type: ignore[arg-type]
        seconds = time.perf_counter() - started
        print(
            json.dumps(
                {"images": MANY, "seconds": round(seconds, 1), "mib_after": seen, "mib_end": resident_mib()}
            )
        )


def table(rows: list[dict[str, Any]]) -> str:
    """Return the throughput rows as Markdown."""
    header = ("backbone", "engine", "decode", "network", "limit", "predict", "of the limit")
    return markdown_table(
        header,
        (
            (
                f"{row['backbone']}, {row['image_size']} px",
                row["engine"],
                *(
                    f"{row[name]:g}/s"
                    for name in ("decode_images_s", "network_images_s", "limit_images_s", "images_s")
                ),
                f"{100 * row['share_of_limit']:.0f} %",
            )
            for row in rows
            if row["what"] == "throughput"
        ),
    )


def memory_sentence(rows: list[dict[str, Any]]) -> str:
    """Return what the newest row of `memory` says, "" where there is none."""
    found = [row for row in rows if row["what"] == "memory"]
    if not found:
        return ""
    row = found[-1]
    held = row["mib_after"]
    middle, last = str(MANY // 2), str(MANY)
    return (
        f"\n\n{MANY:,} files in {row['seconds'] / 60:.0f} minutes (a tiny network, other work beside): the process "
        f"held {held[str(EARLY)]:.0f} MiB after the first {EARLY:,}, {held[middle]:.0f} after half and "
        f"{held[last]:.0f} after all, {row['mib_end']:.0f} at its end."
    )


def main() -> None:
    """Measure what was asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", action="append")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--memory-child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--table", action="store_true", help="measure nothing more")
    parser.add_argument("--write", action="store_true", help="renew the table in docs/predict.md")
    chosen = parser.parse_args()
    if chosen.memory_child:
        memory_child()
        return
    if chosen.memory:
        append_row(TABLE, memory())
        print(read_rows(TABLE)[-1])
        return
    with tempfile.TemporaryDirectory() as place:
        images = [] if chosen.table else unpack(Path(place) / "images", 1000)
        for name in [] if chosen.table else chosen.backbone or BACKBONES:
            with tempfile.TemporaryDirectory() as folder:
                append_row(TABLE, throughput(name, images, Path(folder)))
    found = table(read_rows(TABLE)) + memory_sentence(read_rows(TABLE))
    print(found)
    if chosen.write:
        replace_between(DOCUMENT, "predict", found)


if __name__ == "__main__":
    main()
