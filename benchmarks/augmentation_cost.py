"""What each augmentation costs: milliseconds an image on one thread, beside decoding and one training step.

    python benchmarks/augmentation_cost.py [--side 224] [--images 100] [--write]

Times `TrainingTransform.crop` on an image that is decoded and shrunk already, as in every epoch but the first; each
row is the median of three epochs' means over the images, less what the crop takes. ``--write`` puts the table into
docs/augmentation.md and its rows into benchmarks/results/augmentation_cost.jsonl.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from common import RESULTS, ROOT, append_row, data_set, machine, markdown_table
from PIL import Image

from finetune.data.augmentation.family import FAMILY, PER_IMAGE, flag
from finetune.data.augmentation.policies import POLICIES, Switches
from finetune.data.images import load_rgb
from finetune.data.sources import open_source
from finetune.data.transforms import Augmentation, Preprocessing, TrainingTransform

PAGE = ROOT / "docs" / "augmentation.md"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OF_STRONG = {"scale": 0.3, "translate": 0.1, "vflip": 1.0, "trivial_augment": 1.0, "rand_augment": 9.0}
"""Strengths of what is in no policy."""


def milliseconds(work: Callable[[int], object], n_images: int) -> float:
    """Return the mean of ``work`` over the images' numbers, after a warm-up."""
    for number in range(min(5, n_images)):
        work(number)
    started = time.perf_counter()
    for number in range(n_images):
        work(number)
    return 1000 * (time.perf_counter() - started) / n_images


def _crop(transform: TrainingTransform, shrunk: Sequence[Image.Image], epoch: int, number: int) -> None:
    transform.crop(shrunk[number], epoch=epoch, index=number)


def rows(images: list[Image.Image], side: int) -> Iterator[tuple[str, str, float]]:
    """Yield name, strength and milliseconds an image of each augmentation alone and of each policy."""
    preprocessing = Preprocessing(side, MEAN, STD, "bilinear", 0.875)

    def cost(policy: Augmentation, switches: Switches = ()) -> float:
        transform = TrainingTransform(preprocessing, policy, 0, switches=switches)
        shrunk = [transform.shrink(image) for image in images]
        crops = [milliseconds(partial(_crop, transform, shrunk, epoch), len(images)) for epoch in range(3)]
        return statistics.median(crops)

    resized = cost("crop")
    yield "crop", "0.5", resized
    for name in PER_IMAGE[1:]:
        strength = POLICIES["strong"].get(name) or OF_STRONG[name]
        shown = "" if FAMILY[name].kind == "switch" else f"{strength:g}"
        yield flag(name)[2:], shown, cost("crop", ((name, strength),)) - resized
    for policy in POLICIES:
        yield f"policy {policy}", "", cost(policy)


def main() -> None:
    """Print the table, and write it where that is asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    paths = [image.path for image in open_source(data_set("hymenoptera.zip")).images][: chosen.images]
    decoding = milliseconds(
        lambda number: load_rgb(paths[number], enough_px=round(1.25 * chosen.side)), len(paths)
    )
    images = [load_rgb(path) for path in paths]
    found = list(rows(images, chosen.side))
    table = markdown_table(
        ("augmentation", "strength", "ms an image"),
        [("decoding a photograph, once a run", "", f"{decoding:.1f}")]
        + [(name, strength, f"{max(0.0, cost):.1f}") for name, strength, cost in found],
    )
    print(table)
    if chosen.write:
        costs = {f"{name} {strength}".strip(): round(cost, 2) for name, strength, cost in found}
        row = {
            "side": chosen.side,
            "images": len(paths),
            "decoding_ms": round(decoding, 2),
            "ms": costs,
            **machine(),
        }
        append_row(RESULTS / "augmentation_cost.jsonl", row)
        content = PAGE.read_text(encoding="utf-8")
        before, _, rest = content.partition("<!-- cost: start -->")
        _, _, after = rest.partition("<!-- cost: end -->")
        PAGE.write_text(f"{before}<!-- cost: start -->\n{table}\n<!-- cost: end -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
