"""Score a bundle on labelled images; classes are matched by name, never by position."""

from __future__ import annotations

import json
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
from finetune.errors import DataError, RunError, nearest
from finetune.evaluation.calibration import UNCALIBRATED, Calibration
from finetune.evaluation.metrics import Metrics, Targets, measure, softmax
from finetune.evaluation.predictions import Predictions
from finetune.progress import Advance, Reporter

CALIBRATION = "calibration.json"
REPORT = "report.json"


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
    said = say_of(bundle, images, workers=workers, advance=advance)
    return measure(softmax(said.logits), said.targets)


def say_of(
    bundle: Bundle,
    images: Sequence[LabelledImage],
    *,
    workers: int | None = None,
    advance: Advance | None = None,
) -> Predictions:
    """Return what ``bundle`` says of ``images``, at least one, in their order.

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
    names = tuple(image.name for image in images)
    return Predictions(names, targets, torch.cat(parts).numpy(), bundle.class_names)


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

    The images are those of `images_to_judge`, which raises DataError, as a class unknown to the bundle does.
    """
    images, split = images_to_judge(where, exclude=exclude, offline=offline, reporter=reporter)
    with reporter.track("evaluating") as advance:
        return evaluate(bundle, images, advance=advance), split


def evaluate_views(
    bundle: Bundle, where: str, *, exclude: Collection[str], offline: bool = False, reporter: Reporter
) -> tuple[ViewsReport, str]:
    """Score ``bundle`` on the data set ``where`` with one view an image and with several; as `evaluate_data`."""
    images, split = images_to_judge(where, exclude=exclude, offline=offline, reporter=reporter)
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


def images_to_judge(
    where: str, *, exclude: Collection[str], offline: bool = False, reporter: Reporter
) -> tuple[list[LabelledImage], str]:
    """Return the images of ``where`` that a bundle is scored on, and the split they are of.

    The test split is used where there is one, else val, else every image (``all``). Unreadable images are
    left out and said. Raises DataError when no image is left.
    """
    source = open_source(where, exclude=exclude, least_classes=1, offline=offline, track=reporter.track)
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


def calibration_of(bundle: Bundle) -> Calibration:
    """Return the temperature of ``bundle``: of its calibration.json, else of the report of its run, else 1.

    Raises RunError when the file that is there is damaged.
    """
    for path, key in ((bundle.folder / CALIBRATION, None), (bundle.folder.parent / REPORT, "calibration")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            found = values if key is None else values.get(key)
            if found is not None:
                return Calibration.from_json(found)
        except FileNotFoundError:
            continue
        except (ValueError, TypeError, AttributeError) as error:
            raise RunError(f"{path} is damaged ({error}); write the bundle again") from None
    return UNCALIBRATED
