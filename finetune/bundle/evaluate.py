"""Score a bundle on labelled images; classes are matched by name, never by position."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

import numpy as np
import torch

from finetune.bundle.bundle import Bundle
from finetune.data.health import inspect_source
from finetune.data.health.findings import amount
from finetune.data.loading import measuring_loader
from finetune.data.sources import LabelledImage, open_source
from finetune.errors import DataError, nearest
from finetune.evaluation.metrics import Metrics, measure, softmax
from finetune.progress import Advance, Reporter


def evaluate(
    bundle: Bundle,
    images: Sequence[LabelledImage],
    *,
    workers: int | None = None,
    advance: Advance | None = None,
) -> Metrics:
    """Return the metrics of ``bundle`` on ``images``, at least one.

    Raises DataError for a label that the bundle does not know.
    """
    indices = {name: index for index, name in enumerate(bundle.class_names)}
    unknown = sorted({image.label for image in images} - set(indices))
    if unknown:
        raise DataError(
            f"class '{unknown[0]}' is not one of the bundle's {len(indices)} classes; rename the folder or drop "
            f"it with --exclude {shlex.quote(unknown[0])}{nearest(unknown[0], indices)}"
        )
    targets = np.array([indices[image.label] for image in images])
    parts = []
    done = 0
    for batch in measuring_loader([image.path for image in images], bundle.preprocessing, workers=workers):
        parts.append(bundle.logits(batch))
        done += len(batch)
        if advance is not None:
            advance(done, len(images))
    return measure(softmax(torch.cat(parts).numpy()), targets)


def evaluate_data(
    bundle: Bundle, where: str, *, exclude: Collection[str], offline: bool = False, reporter: Reporter
) -> tuple[Metrics, str]:
    """Score ``bundle`` on the data set ``where``; return the metrics and the split they are of.

    The test split is used where there is one, else val, else every image (``all``). Unreadable images are
    left out and said. Raises DataError when no image is left or a class is unknown to the bundle.
    """
    source = open_source(where, exclude=exclude, offline=offline, track=reporter.track)
    with reporter.track("checking images") as advance:
        health = inspect_source(source, progress=advance)
    if health.quarantine:
        first = health.quarantine[0]
        reporter.say(
            f"warning: {amount(len(health.quarantine), 'unreadable image')} of {where} left out "
            f"(first: {first.name} {first.reason})"
        )
    split = next((name for name in ("test", "val") if health.splits.get(name)), "all")
    images = [image for image in health.images if split in ("all", image.split)]
    if not images:
        raise DataError(f"no readable image in {where}; run `finetune inspect` on it")
    reporter.say(
        f"scoring {amount(len(images), 'image')}" + ("" if split == "all" else f" of the {split} split")
    )
    with reporter.track("evaluating") as advance:
        return evaluate(bundle, images, advance=advance), split
