"""What advice measures, kept from one time to the next by all that it hangs on.

Measures hang on the images' bytes and labels in the order they are measured in, the weights, the network, the path
that images take to it, the seed, and the code that measures; seconds hang on the machine and the trainings timed,
too. Whatever of it changes, the key is another and all is measured anew.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import torch

from finetune.advice.augmentation_probe import AugmentationProbe
from finetune.advice.augmented_views import chosen_to_augment
from finetune.advice.costs import Pace
from finetune.advice.measured import Measures
from finetune.advice.similarity import choose_images
from finetune.cache.digests import content_digests
from finetune.cache.notes import Notes
from finetune.data.sources import LabelledImage
from finetune.evaluation.report import versions
from finetune.model.device import best_device
from finetune.recipe import Recipe
from finetune.training.pace import timed_images
from finetune.training.prepared import Prepared
from finetune.training.resolve import Resolved, preprocessing_of

WHAT = "measures for advice"
CODE = ("advice", "data", "model", "training")
"""The packages whose source decides what is measured."""

Key = dict[str, Any]
T = TypeVar("T")


class KeptMeasures:
    """What was measured on the training images of ``prepared`` for ``recipe``, or is measured now and kept.

    ``days`` says of what kinds kept values were taken, and from which day they are.
    """

    def __init__(self, prepared: Prepared, recipe: Recipe, *, uses_cache: bool) -> None:
        self._prepared = prepared
        self._recipe = recipe
        self._side = recipe.image_size or prepared.backbone.image_size
        self._notes = Notes(WHAT) if uses_cache else None
        self.days: dict[str, str] = {}

    def measures(self, take: Callable[[], Measures]) -> Measures:
        """Return the measures of the data set, by ``take`` where they are not kept."""
        images = choose_images(self._prepared.split.train, seed=self._recipe.seed)
        return self._kept("measures", images, {}, take, Measures.to_json, Measures.from_json)

    def augmentation(self, take: Callable[[], AugmentationProbe]) -> AugmentationProbe:
        """Return what augmentations teach a probe, by ``take`` where it is not kept."""
        split = self._prepared.split
        images = chosen_to_augment(split.train, seed=self._recipe.seed)
        names = {"class_names": list(split.class_names)}
        forms = AugmentationProbe.to_json, AugmentationProbe.from_json
        return self._kept("augmentations", images, names, take, *forms)

    def pace(self, timed: Mapping[str, Resolved], take: Callable[[], Pace]) -> Pace:
        """Return the pace of this machine at the trainings ``timed``, by ``take`` where it is not kept."""
        recipes = {name: found.recipe.model_dump(mode="json") for name, found in timed.items()}
        first = next(iter(timed.values())).recipe
        images = timed_images(self._prepared.split.train, first, side=self._side)
        classes = len(self._prepared.split.class_names)
        more = {"machine": machine(), "trainings": recipes, "classes": classes}
        return self._kept("seconds", images, more, take, Pace.to_json, Pace.from_json)

    def _kept(
        self,
        kind: str,
        images: Sequence[LabelledImage],
        more: Mapping[str, Any],
        take: Callable[[], T],
        to_json: Callable[[T], dict[str, Any]],
        from_json: Callable[[Mapping[str, Any]], T],
    ) -> T:
        if self._notes is None:
            return take()
        seen = self._seen(images)
        key = {"kind": kind, "images": seen, **self._network(), **more}
        note = self._notes.find(key)
        if note is not None:
            self.days[kind] = note.day
            return from_json(note.value)
        taken = take()
        if self._seen(images) == seen:  # no image was changed while it was measured
            self._notes.keep(key, to_json(taken))
        return taken

    def _seen(self, images: Sequence[LabelledImage]) -> list[list[str]]:
        digests = content_digests(image.path for image in images)
        return [[image.label, digest.hex()] for image, digest in zip(images, digests, strict=True)]

    def _network(self) -> Key:
        prepared, recipe = self._prepared, self._recipe
        return {
            "backbone": prepared.backbone.name,
            "weights": [prepared.weights.source, prepared.weights.sha256],
            "preprocessing": preprocessing_of(prepared.backbone, self._side).to_json(),
            "image_size": recipe.image_size,
            "seed": recipe.seed,
            "precision": recipe.precision,
            "deterministic": recipe.deterministic,
            "device": best_device().type,
            "versions": versions(),
            "code": code_digest(),
        }


@cache
def code_digest() -> str:
    """Return a hash of the sources of `CODE`; where none are installed, `versions` alone tell."""
    digest = hashlib.blake2b(digest_size=16)
    root = Path(__file__).parents[1]
    for name in CODE:
        for file in sorted((root / name).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def machine() -> Key:
    """Return what decides how fast this machine computes: processor, cores and threads, accelerator, system."""
    device = best_device()
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": card,
        "system": [platform.system(), platform.machine()],
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
