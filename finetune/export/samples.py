"""Which images an export is compared on, and which an int8 network is calibrated on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from finetune.bundle.bundle import bundle_folder
from finetune.bundle.find_images import find_images
from finetune.bundle.reference import read_references
from finetune.data.places import short_name
from finetune.data.sources import LabelledImage, open_source
from finetune.data.split import Split
from finetune.errors import DataError
from finetune.export.check import Sample
from finetune.progress import Reporter

FEWEST = 32
"""So many images at least are compared, where there are so many."""
MOST = 256
CALIBRATION = 128
"""ONNX Runtime's own examples calibrate on some hundred images."""

T = TypeVar("T")


def run_split(bundle: Path, *, offline: bool, reporter: Reporter) -> Split | None:
    """Return the images of the run that ``bundle`` lies in, cut as it cut them; None for a bundle alone.

    Raises DataError when they are gone.
    """
    from finetune.training.prepare import cut, inspect_data, open_data
    from finetune.training.run_folder import RunFolder
    from finetune.training.run_record import read_record

    run = RunFolder(bundle_folder(bundle).resolve().parent)
    if bundle_folder(bundle).resolve() != run.bundle or not run.record.is_file():
        return None
    record = read_record(run.record)
    recipe = record.goes_on_with
    source, _ = open_data(record.data, recipe, offline=offline or record.offline, reporter=reporter)
    return cut(inspect_data(source, reporter), recipe, reporter)


def samples_of_split(split: Split) -> list[Sample]:
    """Return images that training has not seen, filled up from those that it has where they are few."""
    unseen = spread(split.test or split.val, MOST)
    seen = spread(split.train, max(0, FEWEST - len(unseen)))
    return [_sample(image) for image in (*unseen, *seen)]


def samples_in(data: str, *, offline: bool, reporter: Reporter) -> list[Sample]:
    """Return images of ``data``: a labelled set of any kind, or image files in a folder or archive."""
    try:
        images = open_source(data, offline=offline, track=reporter.track).images
        return [_sample(image) for image in spread(images, MOST)]
    except DataError:
        found = find_images([Path(data)], offline=offline, reporter=reporter)
        return [Sample(str(path), path) for path in spread(found, MOST)]


def references_of(bundle: Path) -> list[Sample]:
    """Return the user's own images among the bundle's references; none where they are drawn."""
    references = read_references(bundle_folder(bundle))
    if references is None or references.are_drawn:
        return []
    return [Sample(f"reference image {n}", image) for n, image in enumerate(references.images(), start=1)]


def choose_samples(bundle: Path, check: str | None, split: Split | None, **how: object) -> list[Sample]:
    """Return the images to compare on: of ``check``, else of the run's ``split``, else the bundle's references.

    Raises DataError when there are none.
    """
    if check is not None:
        return samples_in(check, **how)  # type: ignore[arg-type]
    samples = samples_of_split(split) if split is not None else references_of(bundle)
    if not samples:
        raise DataError(
            f"the bundle {short_name(bundle)} comes without images to compare the export on; give --check DATA, "
            "a folder of images such as it was trained on"
        )
    return samples


def spread(items: Sequence[T], n_items: int) -> list[T]:
    """Return up to ``n_items`` of ``items``, from all over the list, in order."""
    if n_items >= len(items):
        return list(items)
    return [items[i * len(items) // n_items] for i in range(n_items)]


def _sample(image: LabelledImage) -> Sample:
    return Sample(image.name, image.path, image.label)
