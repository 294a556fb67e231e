"""Two runs on the same test images: by how much each score differs, and whether that can be chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from finetune.errors import RunError
from finetune.evaluation.bootstrap import Judged, Scores, percentiles, resampled, scores_of
from finetune.evaluation.paired import Paired, compare, is_significant
from finetune.evaluation.predictions import Predictions

SCORES = ("balanced_accuracy", "macro_f1", "log_loss")
EXAMPLES = 3


@dataclass(frozen=True)
class Difference:
    """A score of both runs and the 95 % interval of the second's less the first's, images resampled in pairs."""

    first: float
    second: float
    interval: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Return both scores, their difference and its interval."""
        return {
            "first": self.first,
            "second": self.second,
            "difference": self.second - self.first,
            "interval": list(self.interval),
        }


@dataclass(frozen=True)
class Comparison:
    """``paired`` is of the accuracies; ``differences`` of `SCORES`."""

    names: tuple[str, str]
    paired: Paired
    accuracies: tuple[float, float]
    differences: dict[str, Difference]

    @property
    def can_be_told_apart(self) -> bool:
        """Whether chance is ruled out as the reason why one run is right more often (McNemar, 95 %)."""
        return is_significant(self.paired.p_value)

    @property
    def better(self) -> str | None:
        """Return the name of the run that is right more often, None where they cannot be told apart."""
        if not self.can_be_told_apart:
            return None
        return self.names[1] if self.paired.difference > 0 else self.names[0]

    def to_json(self) -> dict[str, Any]:
        """Return everything under stable keys; a difference is the second run's score less the first's."""
        return {
            "runs": list(self.names),
            "n_images": self.paired.n_images,
            "accuracy": list(self.accuracies),
            "difference": self.paired.difference,
            "interval": list(self.paired.interval),
            "p_value": self.paired.p_value,
            "only_first": self.paired.only_first,
            "only_second": self.paired.only_second,
            "can_be_told_apart": self.can_be_told_apart,
            "better": self.better,
            "scores": {name: difference.to_json() for name, difference in self.differences.items()},
        }

    def sentence(self) -> str:
        """Return the result in one sentence."""
        first, second = self.names
        low, high = (100 * end for end in self.paired.interval)
        told = (
            f"on the same {self.paired.n_images:,} images {second} gets {100 * self.accuracies[1]:.1f} % right and "
            f"{first} {100 * self.accuracies[0]:.1f} %, a difference of {100 * self.paired.difference:+.1f} points "
            f"(95 % interval {low:+.1f} to {high:+.1f}, p = {self.paired.p_value:.2g})"
        )
        if self.better is None:
            return f"cannot be told apart: {told}"
        return f"{self.better} is better: {told}"


def compare_runs(
    first: Predictions, second: Predictions, names: tuple[str, str], *, seed: int = 0
) -> Comparison:
    """Compare two runs by what they said of the same images.

    Raises RunError when their test images or classes differ; their order may.
    """
    aligned = _aligned(first, second, names)
    paired = compare(first.hits, aligned.hits)
    judged = [Judged.of(each.probabilities(), each.targets) for each in (first, aligned)]
    values = [scores_of(each) for each in judged]
    drawn = [resampled(each, seed=seed) for each in judged]
    return Comparison(
        names,
        paired,
        (float(first.hits.mean()), float(aligned.hits.mean())),
        {name: _difference(name, values, drawn) for name in SCORES},
    )


def _difference(name: str, values: list[Scores], drawn: list[Scores]) -> Difference:
    first, second = (float(getattr(each, name)[0]) for each in values)
    low, high = percentiles(getattr(drawn[1], name) - getattr(drawn[0], name))
    return Difference(first, second, (float(low), float(high)))


def _aligned(first: Predictions, second: Predictions, names: tuple[str, str]) -> Predictions:
    """Return ``second`` with its images and classes in the order of ``first``."""
    if set(first.class_names) != set(second.class_names):
        odd = sorted(set(first.class_names) ^ set(second.class_names))
        raise RunError(
            f"{names[0]} and {names[1]} have other classes ({_some(odd)} in one of them alone), so they cannot be "
            "compared; compare runs on the same data"
        )
    places = {name: place for place, name in enumerate(second.names)}
    alone = sorted(set(first.names) ^ set(second.names))
    if alone:
        raise RunError(
            f"{names[0]} and {names[1]} were judged on other images ({len(alone):,} are in one test set alone, such "
            f"as {_some(alone)}), so they cannot be compared; train both with the same data and --seed"
        )
    rows = np.array([places[name] for name in first.names])
    columns = [second.class_names.index(name) for name in first.class_names]
    renumbered = np.argsort(columns)
    aligned = Predictions(
        first.names, renumbered[second.targets[rows]], second.logits[rows][:, columns], first.class_names
    )
    relabelled = np.flatnonzero(aligned.targets != first.targets)
    if len(relabelled):
        raise RunError(
            f"{first.names[relabelled[0]]} and {len(relabelled) - 1:,} other images have another class in "
            f"{names[1]} than in {names[0]}, so the runs cannot be compared; train both with the same labels"
        )
    if first.digests and second.digests:
        changed = [
            name
            for name, row, digest in zip(first.names, rows, first.digests, strict=True)
            if second.digests[row] != digest
        ]
        if changed:
            raise RunError(
                f"{changed[0]} and {len(changed) - 1:,} other images differ between {names[0]} and {names[1]}, so "
                "the runs cannot be compared; train both with the same images"
            )
    return aligned


def _some(names: list[str]) -> str:
    return ", ".join(names[:EXAMPLES]) + (", …" if len(names) > EXAMPLES else "")
