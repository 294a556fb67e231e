"""Find images whose label is probably wrong: confident learning on cross-validated predictions.

A linear classifier on frozen features is trained on four fifths of the images and asked about the last fifth, five
times over; what belongs together (`finetune.data.units`) is in one fifth. cleanlab then compares what it says with
the labels given (Northcutt, Jiang and Chuang, JAIR 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finetune.data.health import HealthReport
from finetune.data.sources import LabelledImage
from finetune.data.split import Split
from finetune.data.units import unit_numbers
from finetune.errors import DataError
from finetune.progress import SILENT, Reporter
from finetune.recipe import Recipe
from finetune.training.folds import NEVER, IntArray
from finetune.training.frozen import train_features
from finetune.training.learner import build_learner
from finetune.training.out_of_fold import Probabilities, folds_of_units, out_of_fold
from finetune.training.prepare import find_weights, inspect_data, open_data
from finetune.training.prepared import Prepared
from finetune.training.resolve import resolve

FOLDS = 5
STRATEGY = "freeze-all"
METHOD = "self_confidence"
"""cleanlab's score: the probability of the label given."""

LEAST_PROBABILITY = 1e-12
"""Keeps rows that sum to nothing over the classes that are judged from being divided by 0."""


@dataclass(frozen=True)
class Suspect:
    """An image, by ``name``, and what the classifier that never saw it thinks of its label.

    ``score`` in [0, 1] is the label's quality, the lower the worse. ``is_issue``: confident learning calls the label
    wrong. ``suggested`` is the likeliest class, ``probability`` its probability ``label_probability`` the label's.
    """

    name: str
    path: Path
    label: str
    suggested: str
    score: float
    probability: float
    label_probability: float
    split: str | None
    is_issue: bool


@dataclass(frozen=True)
class Suspects:
    """All images of ``where`` that could be judged, the most suspicious first.

    ``accuracy`` in [0, 1] is that of the cross-validated predictions by the labels given; ``unjudged`` names the
    images whose class had no others to learn it from.
    """

    where: str
    backbone: str
    ranked: tuple[Suspect, ...]
    class_names: tuple[str, ...]
    accuracy: float
    unjudged: tuple[str, ...]
    seed: int

    @property
    def issues(self) -> tuple[Suspect, ...]:
        """Return those that confident learning calls wrong, the most suspicious first."""
        return tuple(suspect for suspect in self.ranked if suspect.is_issue)


def find_suspects(
    where: str | Path,
    recipe: Recipe | None = None,
    *,
    offline: bool = False,
    reporter: Reporter = SILENT,
) -> Suspects:
    """Rank the images of ``where`` by how suspicious their labels are.

    Of ``recipe`` the backbone, its weights, the image size, the head (``multi-stage`` reads every stage), the cache,
    the excluded classes, the seed and the workers count. Given splits are looked at together.

    Raises:
        DataError: the images cannot be trained on, or no class has two images that do not belong together.
        WeightsError, OptionError: as `finetune.training.train.fit`.
    """
    recipe = (recipe or Recipe()).with_changes(strategy=STRATEGY)
    backbone, weights = find_weights(recipe, offline=offline, reporter=reporter)
    source, _ = open_data(where, recipe, offline=offline, reporter=reporter)
    health = inspect_data(source, reporter)
    split = _all_as_train(health)
    prepared = Prepared(str(where), health, split, backbone, weights, None)
    origin = {"cache": "hub", "file": str(weights.path)}.get(weights.source, weights.source)
    resolved = resolve(recipe, strategy=STRATEGY, backbone=backbone, weights=origin, n_train=len(split.train))
    features = train_features(build_learner(prepared, resolved), resolved.recipe, reporter=reporter)
    targets = np.array(split.indices(split.train))
    folds = folds_of_units(targets, unit_numbers(split.train, health), n_folds=FOLDS, seed=recipe.seed)
    if (folds == NEVER).all():
        raise DataError(
            f"no class of {where} has two images that do not belong together, so that one could be judged by the "
            "other; add images"
        )
    with reporter.track("judging labels") as advance:
        probabilities = out_of_fold(
            features,
            targets,
            folds,
            n_classes=len(split.class_names),
            seed=recipe.seed,
            progress=advance,
        )
    judged = np.flatnonzero(folds != NEVER)
    return Suspects(
        where=str(where),
        backbone=backbone.name,
        ranked=_ranked(split, targets, probabilities, judged),
        class_names=split.class_names,
        accuracy=float((probabilities[judged].argmax(axis=1) == targets[judged]).mean()),
        unjudged=tuple(split.train[row].name for row in np.flatnonzero(folds == NEVER)),
        seed=recipe.seed,
    )


def _all_as_train(health: HealthReport) -> Split:
    images = tuple(sorted(health.images, key=lambda image: image.name))
    return Split(images, (), (), health.class_names, frozenset())


def _ranked(
    split: Split, targets: IntArray, probabilities: Probabilities, judged: IntArray
) -> tuple[Suspect, ...]:
    """Return the ``judged`` rows, the label of least quality first."""
    scores, are_issues = _label_quality(targets[judged], probabilities[judged])
    order = np.lexsort((judged, scores))
    return tuple(
        _suspect(
            split, split.train[judged[rank]], probabilities[judged[rank]], scores[rank], are_issues[rank]
        )
        for rank in order
    )


def _suspect(
    split: Split, image: LabelledImage, probabilities: Probabilities, score: float, is_issue: bool
) -> Suspect:
    likeliest = int(probabilities.argmax())
    return Suspect(
        name=image.name,
        path=image.path,
        label=image.label,
        suggested=split.class_names[likeliest],
        score=float(score),
        probability=float(probabilities[likeliest]),
        label_probability=float(probabilities[split.index(image.label)]),
        split=image.split,
        is_issue=bool(is_issue),
    )


def _label_quality(
    targets: IntArray, probabilities: Probabilities
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return cleanlab's quality of each label, in [0, 1], and whether confident learning calls it wrong."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    # cleanlab wants classes numbered without gaps.
    present, labels = np.unique(targets, return_inverse=True)
    shares = probabilities[:, present] + LEAST_PROBABILITY
    shares /= shares.sum(axis=1, keepdims=True)
    scores = get_label_quality_scores(labels, shares, method=METHOD)
    return np.asarray(scores), np.asarray(find_label_issues(labels, shares, n_jobs=1))
