"""Backbones in the order of what their frozen features tell of a set, and which of them chance alone may order."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from finetune.advice.backbone_scores import BackboneScores
from finetune.errors import FinetuneError
from finetune.evaluation.metrics import CONFIDENCE, wilson_interval
from finetune.evaluation.paired import Paired, compare, holm, is_significant
from finetune.model.weights import WeightsRecord

CLEARLY_CHEAPER = 0.8
"""Share of the first's time below which a backbone as good is named: less may be noise, or not worth a word."""


@dataclass(frozen=True)
class Measured:
    """A backbone, by the name that `--backbone` takes, its weights, and what was measured with it."""

    name: str
    weights: WeightsRecord
    scores: BackboneScores


@dataclass(frozen=True)
class Failed:
    """A backbone that could not be measured, and why; ``n_parameters`` is None where nobody knows."""

    name: str
    n_parameters: int | None
    error: FinetuneError

    def to_json(self) -> dict[str, Any]:
        """Return a row with the keys of one that was measured, without numbers."""
        return dict.fromkeys(_KEYS) | {
            "name": self.name,
            "parameters": self.n_parameters,
            "reason": str(self.error),
        }


@dataclass(frozen=True)
class AgainstFirst:
    """The first of a ranking (``paired``'s first) and another on the same images.

    ``p_adjusted`` is McNemar's p value adjusted for all pairs that were ranked: the first was picked among them.
    """

    paired: Paired
    p_adjusted: float

    @property
    def is_told_apart(self) -> bool:
        """Return whether the difference is more than chance."""
        return is_significant(self.p_adjusted)

    def to_json(self) -> dict[str, Any]:
        """Return every number under stable keys."""
        return {
            "difference": self.paired.difference,
            "interval": list(self.paired.interval),
            "only_first": self.paired.only_first,
            "only_this": self.paired.only_second,
            "p_value": self.paired.p_value,
            "p_adjusted": self.p_adjusted,
            "told_apart": self.is_told_apart,
        }


@dataclass(frozen=True)
class Standing:
    """A backbone's place, 1 for the best, with its 95 % Wilson interval, and how it compares with the first.

    ``relative_cost`` is its time an image in times of the first's. ``against_first`` is None for the first itself.
    """

    place: int
    measured: Measured
    interval: tuple[float, float]
    relative_cost: float
    against_first: AgainstFirst | None

    @property
    def name(self) -> str:
        """Return the backbone's name."""
        return self.measured.name

    @property
    def scores(self) -> BackboneScores:
        """Return what was measured."""
        return self.measured.scores

    def to_json(self) -> dict[str, Any]:
        """Return every number under stable keys."""
        weights, scores = self.measured.weights, self.scores
        values = {
            "place": self.place,
            "name": self.name,
            "weights": {"source": weights.source, "sha256": weights.sha256, "licence": weights.licence},
            "image_size": scores.image_size,
            "parameters": scores.n_parameters,
            "accuracy": scores.accuracy,
            "accuracy_interval": list(self.interval),
            "n_correct": int(scores.hits.sum()),
            "last_layer": scores.last_layer,
            "neighbours": scores.neighbours,
            "ms_per_image": scores.ms_per_image,
            "relative_cost": self.relative_cost,
            "against_first": None if self.against_first is None else self.against_first.to_json(),
            "reason": None,
        }
        assert tuple(values) == _KEYS
        return values


_KEYS = (
    *("place", "name", "weights", "image_size", "parameters", "accuracy", "accuracy_interval", "n_correct"),
    *("last_layer", "neighbours", "ms_per_image", "relative_cost", "against_first", "reason"),
)


def stand(measured: Sequence[Measured]) -> tuple[Standing, ...]:
    """Order backbones that were ``measured`` on the same images by the probe on all stages, the best first.

    Of equals the smaller comes first, so that no measured time decides. The order they come in changes nothing.
    """
    ordered = sorted(
        measured, key=lambda one: (-int(one.scores.hits.sum()), one.scores.n_parameters, one.name)
    )
    pairs = {
        pair: compare(*(ordered[place].scores.hits for place in pair))
        for pair in combinations(range(len(ordered)), 2)
    }
    adjusted = dict(zip(pairs, holm([paired.p_value for paired in pairs.values()]), strict=True))
    return tuple(
        Standing(
            place=place + 1,
            measured=one,
            interval=wilson_interval(int(one.scores.hits.sum()), len(one.scores.hits)),
            relative_cost=one.scores.ms_per_image / ordered[0].scores.ms_per_image,
            against_first=AgainstFirst(pairs[0, place], adjusted[0, place]) if place else None,
        )
        for place, one in enumerate(ordered)
    )


@dataclass(frozen=True)
class Sample:
    """Which images of ``where`` were measured on: ``n_images`` of ``n_train``, in ``n_classes`` of ``n_classes_all``.

    ``majority`` is the share, in [0, 1], of the commonest class among them. ``options`` are what `finetune fit` needs
    to be told besides the backbone, to train on the same images at the same size.
    """

    where: str
    n_train: int
    n_images: int
    n_classes: int
    n_classes_all: int
    majority: float
    seed: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ranking:
    """The standings, the best first, at least one; the backbones that failed; and what to do."""

    sample: Sample
    standings: tuple[Standing, ...]
    failed: tuple[Failed, ...]

    @property
    def first(self) -> Standing:
        """Return the best."""
        return self.standings[0]

    @property
    def cheaper(self) -> Standing | None:
        """Return the cheapest that cannot be told apart from the first, where it is clearly cheaper."""
        others = [one for one in self.standings if one.against_first and not one.against_first.is_told_apart]
        cheapest = min(others, key=lambda one: one.relative_cost, default=None)
        return cheapest if cheapest and cheapest.relative_cost < CLEARLY_CHEAPER else None

    @property
    def is_hopeless(self) -> bool:
        """Return whether even the best may be no better than always naming the commonest class."""
        return self.first.interval[0] <= self.sample.majority

    def command(self, standing: Standing) -> str:
        """Return the command that trains with a backbone."""
        words = ("finetune", "fit", self.sample.where, "--backbone", standing.name, *self.sample.options)
        return shlex.join(words)

    def sentence(self) -> str:
        """Return what to do, in one sentence."""
        if self.is_hopeless:
            return (
                f"no backbone is clearly better here than always naming the commonest class "
                f"({100 * self.sample.majority:.1f} % right), so this ranks nothing: before training, look whether "
                f"labels and images go together (finetune inspect {shlex.quote(self.sample.where)})"
            )
        best = f"train with the first: {self.command(self.first)}"
        if self.cheaper is None:
            return best
        assert self.cheaper.against_first is not None
        paired = self.cheaper.against_first.paired
        low, high = (100 * bound for bound in paired.interval)
        return (
            f"{best}; or, for {self.cheaper.relative_cost:.2f} of its time, with {self.cheaper.name}, which these "
            f"images cannot tell apart from it ({100 * paired.difference:+.1f} points, 95 % interval {low:+.1f} to "
            f"{high:+.1f})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return every number under the keys of `finetune backbones --rank DATA --json`."""
        sample = self.sample
        return {
            "data": sample.where,
            "n_train": sample.n_train,
            "n_images": sample.n_images,
            "n_classes": sample.n_classes,
            "n_classes_all": sample.n_classes_all,
            "majority_accuracy": sample.majority,
            "confidence": CONFIDENCE,
            "seed": sample.seed,
            "backbones": [
                *(one.to_json() for one in self.standings),
                *(one.to_json() for one in self.failed),
            ],
            "first": self.first.name,
            "cheaper": None if self.cheaper is None else self.cheaper.name,
            "command": self.command(self.first),
            "hopeless": self.is_hopeless,
            "sentence": self.sentence(),
        }
