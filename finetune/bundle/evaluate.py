"""Score a bundle on labelled images; classes are matched by name, never by position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from finetune.bundle.bundle import Bundle
from finetune.data.loading import measuring_loader
from finetune.data.sources import LabelledImage
from finetune.errors import DataError, nearest
from finetune.evaluation.metrics import Metrics, measure, softmax
from finetune.progress import Advance


def evaluate(
    bundle: Bundle, images: Sequence[LabelledImage], *, workers: int | None = None, advance: Advance | None = None
) -> Metrics:
    """Return the metrics of ``bundle`` on ``images``, at least one.

    Raises DataError for a label that the bundle does not know.
    """
    indices = {name: index for index, name in enumerate(bundle.class_names)}
    unknown = sorted({image.label for image in images} - set(indices))
    if unknown:
        raise DataError(
            f"class '{unknown[0]}' is not one of the bundle's {len(indices)} classes"
            f"{nearest(unknown[0], indices)}; rename the folder or drop it with --exclude '{unknown[0]}'"
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
