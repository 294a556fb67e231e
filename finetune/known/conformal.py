"""Sets of classes that hold the true one as often as the user asks: split conformal prediction.

Vovk, Gammerman and Shafer, "Algorithmic learning in a random world", 2005. Two scores: LAC (Sadinle, Lei and
Wasserman, "Least ambiguous set-valued classifiers", JASA 2019) gives the smallest sets, which may be empty; APS
(Romano, Sesia and Candès, "Classification with valid and adaptive coverage", NeurIPS 2020) gives sets with one class
at least, and larger ones where the classifier is unsure. Its random number u is 1 here, so that an image always gets
the same set; in return the sets hold the true class more often than asked, never less often.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from finetune.errors import OptionError
from finetune.evaluation.metrics import softmax

Kind = Literal["lac", "aps"]
KINDS: tuple[Kind, ...] = ("lac", "aps")
DEFAULT_COVERAGE = 0.9

Logits = NDArray[np.float32]
Probabilities = NDArray[np.float64]
Classes = NDArray[np.int64]
Members = NDArray[np.bool_]


@dataclass(frozen=True)
class Conformal:
    """``scores``: how badly each of n held-out images fitted its true class, ascending, under ``kind``.

    Probabilities are softmax(logits / ``temperature``), in the fit and wherever sets are asked for.
    """

    kind: Kind
    temperature: float
    scores: NDArray[np.float64]

    def threshold(self, coverage: float) -> float:
        """Return the score that the true class of a new image exceeds with probability at most 1 - ``coverage``.

        The ceil((n + 1) coverage)-th smallest; infinite where n images are too few to promise so much.
        """
        check_coverage(coverage)
        # Without the tiny step down, 0.9 * 10 rounded up would be 10.
        rank = math.ceil((len(self.scores) + 1) * coverage - 1e-9)
        return math.inf if rank > len(self.scores) else float(self.scores[rank - 1])

    def sets(self, logits: Logits, coverage: float) -> Members:
        """Return n x K, whether a class belongs to the set of an image, for n x K ``logits``."""
        scores = class_scores(softmax(logits / self.temperature), self.kind)
        members: Members = scores <= self.threshold(coverage) + 1e-12
        return members

    def to_json(self) -> dict[str, Any]:
        """Return all but the scores as JSON-ready values."""
        return {"kind": self.kind, "temperature": self.temperature, "n_images": len(self.scores)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], scores: NDArray[np.floating[Any]]) -> Conformal:
        """Return what `to_json` told; raises KeyError, TypeError or ValueError for anything else."""
        if fields["kind"] not in KINDS or int(fields["n_images"]) != len(scores):
            raise ValueError(f"{fields['kind']} with {len(scores)} scores")
        return cls(fields["kind"], float(fields["temperature"]), np.sort(scores.astype(np.float64)))


def fit_conformal(
    logits: Logits, targets: Classes, *, kind: Kind = "lac", temperature: float = 1.0
) -> Conformal:
    """Score n images, none of which the classifier was trained on, by their n x K ``logits`` and ``targets``."""
    scores = class_scores(softmax(logits / temperature), kind)[np.arange(len(targets)), targets]
    return Conformal(kind, temperature, np.sort(scores))


def class_scores(probabilities: Probabilities, kind: Kind) -> Probabilities:
    """Return n x K, how badly each class fits: 1 - p (LAC), or the sum of all p above its own (APS)."""
    if kind == "lac":
        return 1 - probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    scores = np.empty_like(probabilities)
    np.put_along_axis(scores, order, np.cumsum(ranked, axis=1) - ranked, axis=1)
    return scores


def check_coverage(coverage: float) -> None:
    """Raise OptionError for a coverage that is no share between 0 and 1."""
    if not 0 < coverage < 1:
        raise OptionError(f"--coverage {coverage:g} is not between 0 and 1; 0.9 means nine sets of ten")
