"""Write what a finished run reports: predictions, confusion matrix, report.json and the page."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from finetune.data.health.thumbnails import data_uri
from finetune.data.sources import LabelledImage
from finetune.errors import ImageError
from finetune.evaluation.gallery import Gallery
from finetune.evaluation.pictures import draw_confusion
from finetune.evaluation.predictions import write_predictions
from finetune.evaluation.report import Report
from finetune.model.file_hash import sha256_of
from finetune.page.report import report_page
from finetune.training.durable import write_text
from finetune.training.judging import Verdict
from finetune.training.run_folder import RunFolder

MEGABYTE = 10**6


def write_pictures(folder: RunFolder, verdict: Verdict) -> dict[str, str]:
    """Write predictions and confusion matrix; return the gallery's pictures as data URIs by the images' names."""
    summary = verdict.summary
    write_predictions(
        verdict.predictions, table=folder.predictions, logits=folder.logits, calibration=summary.calibration
    )
    metrics = summary.metrics
    title = f"{100 * metrics.accuracy:.1f} % of {metrics.n_images} {verdict.split} images right"
    names = verdict.predictions.class_names
    draw_confusion(np.array(metrics.confusion), names, title, folder.confusion, order=summary.order)
    return gallery_pictures(summary.gallery, verdict.images)


def gallery_pictures(gallery: Gallery, images: Sequence[LabelledImage]) -> dict[str, str]:
    """Return small pictures of the gallery's images as data URIs by name; one that has gone is left out."""
    pictures = {}
    for shown in (*gallery.mistakes, *gallery.hits):
        with contextlib.suppress(ImageError):
            pictures[shown.name] = data_uri(images[shown.place].path)
    return pictures


def write_report(folder: RunFolder, report: Report, pictures: Mapping[str, str], *, data: str) -> None:
    """Write report.json and report.html."""
    report.write(folder.report)
    title = f"{report.strategy} on {Path(data).name or data}"
    write_text(folder.page, report_page(report.to_json(), title=title, thumbnails=pictures, run=folder.path))


def hashes_of(folder: RunFolder, fingerprint: str) -> dict[str, str]:
    """Return the SHA-256 of the bundle's weights and of the filled recipe, and the fingerprint of the images."""
    found = {"images": fingerprint} if fingerprint else {}
    files = {"trained weights": folder.bundle / "model.safetensors", "recipe": folder.recipe}
    return found | {name: sha256_of(path) for name, path in files.items()}


def peak_memory() -> dict[str, float]:
    """Return the most memory in MB that this process, the largest of its helpers and the GPU have held so far."""
    found: dict[str, float] = {}
    with contextlib.suppress(ImportError):  # Windows has no such module
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        for name, who in (("process_mb", resource.RUSAGE_SELF), ("workers_mb", resource.RUSAGE_CHILDREN)):
            found[name] = round(resource.getrusage(who).ru_maxrss * unit / MEGABYTE, 1)
    if torch.cuda.is_available():
        found["gpu_mb"] = round(torch.cuda.max_memory_allocated() / MEGABYTE, 1)
    return found
