"""Score a bundle on labelled images; classes are matched by name, never by position."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

import numpy as np
import torch

from finetune.bundle.bundle import Bundle
from finetune.bundle.views import ViewsReport, answers_by_view, compare_views, views_for
from finetune.data.health import inspect_source
from finetune.data.health.findings import amount
from finetune.data.loading import measuring_loader
from finetune.data.sources import LabelledImage, open_source
from finetune.errors import DataError, nearest
from finetune.evaluation.metrics import Metrics, Targets, measure, softmax
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
    targets = _targets(bundle, images)
    parts = []
    done = 0
    for batch in measuring_loader([image.path for image in images], bundle.preprocessing, workers=workers):
        parts.append(bundle.logits(batch))
        done += len(batch)
        if advance is not None:
            advance(done, len(images))
    return measure(softmax(torch.cat(parts).numpy()), targets)


def _targets(bundle: Bundle, images: Sequence[LabelledImage]) -> Targets:
    """Return the class of each image by name; raises DataError for one that the bundle does not know."""
    indices = {name: index for index, name in enumerate(bundle.class_names)}
    unknown = sorted({image.label for image in images} - set(indices))
    if unknown:
        raise DataError(
            f"class '{unknown[0]}' is not one of the bundle's {len(indices)} classes; rename the folder or drop "
            f"it with --exclude {shlex.quote(unknown[0])}{nearest(unknown[0], indices)}"
        )
    return np.array([indices[image.label] for image in images])


def evaluate_data(
    bundle: Bundle, where: str, *, exclude: Collection[str], offline: bool = False, reporter: Reporter
) -> tuple[Metrics, str]:
    """Score ``bundle`` on the data set ``where``; return the metrics and the split they are of.

    The test split is used where there is one, else val, else every image (``all``). Unreadable images are
    left out and said. Raises DataError when no image is left or a class is unknown to the bundle.
    """
    images, split = _images(where, exclude, offline, reporter)
    with reporter.track("evaluating") as advance:
        return evaluate(bundle, images, advance=advance), split


def evaluate_views(
    bundle: Bundle, where: str, *, exclude: Collection[str], offline: bool = False, reporter: Reporter
) -> tuple[ViewsReport, str]:
    """Score ``bundle`` on the data set ``where`` with one view an image and with several; as `evaluate_data`."""
    images, split = _images(where, exclude, offline, reporter)
    targets = _targets(bundle, images)
    views = views_for(bundle.class_names, bundle.preprocessing)
    if views.why_not:
        reporter.say(views.why_not)
    with reporter.track("evaluating") as advance:
        rows = []
        for part in answers_by_view(bundle, [image.path for image in images], views):
            rows.append(part)
            advance(sum(each.shape[1] for each in rows), len(images))
    return compare_views(views, np.concatenate(rows, axis=1), targets), split


def _images(
    where: str, exclude: Collection[str], offline: bool, reporter: Reporter
) -> tuple[list[LabelledImage], str]:
    """Return the readable images to score on, at least one, and the name of their split."""
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
    return images, split
