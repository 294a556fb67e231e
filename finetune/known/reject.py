"""Is this an image of a kind that the classifier knows? By how far its features lie, and its energy.

The distance is that of `finetune.known.gaussian`. The energy is -log sum exp(logits) (Liu et al., "Energy-based
out-of-distribution detection", NeurIPS 2020). Alone it may take pictures of another kind for known ones, so it only
joins the distance: an image is unknown that is far by either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from finetune.known.gaussian import Classes, Features, Floats, Gaussians, fit_gaussians

Kind = Literal["distance", "either"]
KINDS: tuple[Kind, ...] = ("distance", "either")
KEEP = 0.95
"""Share of held-out images of the known classes that are to be called known."""

FEWEST_CLASSES = 3
"""With two, one left out leaves a single class, whose energy is its logit alone: too little to choose by."""

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Scale:
    """Sets a score so that held-out images have a median of 0 and 95 % of them lie below 1."""

    middle: float
    reach: float

    def __call__(self, scores: Floats) -> Floats:
        """Return ``scores`` on the common scale."""
        scaled: Floats = (scores - self.middle) / self.reach
        return scaled


@dataclass(frozen=True)
class Reject:
    """What tells known images from others: unknown is what scores above ``threshold``.

    ``kind`` is ``distance``, or ``either`` for the larger of distance and energy on their scales. ``keep`` is the
    share of ``n_images`` held-out images that score below. ``left_out`` maps each kind, and ``energy`` alone, to the
    mean AUROC of telling a class that was left out from the others; empty where that could not be measured.
    """

    kind: Kind
    threshold: float
    keep: float
    n_images: int
    distance: Scale
    energy: Scale
    left_out: Mapping[str, float]
    gaussians: Gaussians

    def scores(self, features: Features, logits: Logits) -> Floats:
        """Return n scores, the larger the stranger, of n x d ``features`` and n x K ``logits``."""
        far = self.distance(self.gaussians.distances(features))
        return far if self.kind == "distance" else np.maximum(far, self.energy(energies(logits)))

    def known(self, features: Features, logits: Logits) -> NDArray[np.bool_]:
        """Return of n images whether each is of a known kind; what is no number is not."""
        known: NDArray[np.bool_] = self.scores(features, logits) <= self.threshold
        return known

    def to_json(self) -> dict[str, Any]:
        """Return all but the arrays as JSON-ready values."""
        return {
            "kind": self.kind,
            "threshold": self.threshold,
            "keep": self.keep,
            "n_images": self.n_images,
            "distance": [self.distance.middle, self.distance.reach],
            "energy": [self.energy.middle, self.energy.reach],
            "left_out": dict(self.left_out),
            "rest": self.gaussians.rest,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], arrays: Mapping[str, Features]) -> Reject:
        """Return what `to_json` told, with `arrays`; raises KeyError, TypeError or ValueError for anything else."""
        if fields["kind"] not in KINDS:
            raise ValueError(f"no way to reject is called '{fields['kind']}'")
        means, axes, scales = (arrays[name] for name in ("means", "axes", "scales"))
        if not (means.shape[1:] == axes.shape[1:] and scales.shape == axes.shape[:1]):
            raise ValueError("the arrays of known.safetensors do not fit each other")
        return cls(
            fields["kind"],
            float(fields["threshold"]),
            float(fields["keep"]),
            int(fields["n_images"]),
            Scale(*map(float, fields["distance"])),
            Scale(*map(float, fields["energy"])),
            {str(name): float(value) for name, value in fields["left_out"].items()},
            Gaussians(means, axes, scales, float(fields["rest"])),
        )

    @property
    def arrays(self) -> dict[str, Features]:
        """Return the arrays, all float32."""
        found = self.gaussians
        return {"means": found.means, "axes": found.axes, "scales": found.scales}


def energies(logits: Logits) -> Floats:
    """Return n energies of n x K ``logits``."""
    from scipy.special import logsumexp

    energies: Floats = -logsumexp(logits.astype(np.float64), axis=1)
    return energies


def fit_reject(
    features: Features,
    targets: Classes,
    *,
    held_out: Features,
    logits: Logits,
    held_out_targets: Classes,
    keep: float = KEEP,
    kind: Kind | None = None,
) -> Reject:
    """Fit to the training images' ``features`` n x d and ``targets``; the threshold to images kept from training.

    Those have ``held_out`` features m x d and ``logits`` m x K. ``kind`` is chosen, where nothing is said, by which
    tells classes left out of the ``held_out_targets`` better from the others.
    """
    gaussians = fit_gaussians(features, targets)
    far, energy = gaussians.distances(held_out), energies(logits)
    distance, of_energy = _scale(far, keep), _scale(energy, keep)
    left_out = _left_out(gaussians, np.unique(targets), held_out, logits, held_out_targets, keep)
    chosen: Kind = _best_kind(left_out) if kind is None else kind
    scores = distance(far) if chosen == "distance" else np.maximum(distance(far), of_energy(energy))
    threshold = kept_below(scores, keep)
    return Reject(chosen, threshold, keep, len(scores), distance, of_energy, left_out, gaussians)


def _best_kind(left_out: Mapping[str, float]) -> Kind:
    """Return the kind that told left-out classes best, the first of equals."""
    return max(KINDS, key=lambda name: left_out.get(name, 0.0))


def kept_below(scores: Floats, keep: float) -> float:
    """Return the value that a new score of the same kind stays below with probability ``keep``.

    The ceil((n + 1) keep)-th smallest of n, as in `finetune.known.conformal`; the largest where n is too small.
    """
    rank = min(len(scores), math.ceil((len(scores) + 1) * keep - 1e-9))
    return float(np.sort(scores)[rank - 1])


def _scale(scores: Floats, keep: float) -> Scale:
    middle = float(np.median(scores))
    return Scale(middle, max(kept_below(scores, keep) - middle, 1e-6 * max(1.0, abs(middle))))


def _left_out(
    gaussians: Gaussians,
    present: Classes,
    held_out: Features,
    logits: Logits,
    targets: Classes,
    keep: float,
) -> dict[str, float]:
    """Play each class in turn as unknown: without its mean and its logit, how well is it told from the others?"""
    from sklearn.metrics import roc_auc_score

    if len(present) < FEWEST_CLASSES or len(np.unique(targets)) < FEWEST_CLASSES:
        return {}
    found: dict[str, list[float]] = {"distance": [], "either": [], "energy": []}
    for rank, label in enumerate(present):
        strange = targets == label
        if not strange.any():
            continue
        far = gaussians.without(rank).distances(held_out)
        energy = energies(np.delete(logits, label, axis=1))
        far, energy = _scale(far[~strange], keep)(far), _scale(energy[~strange], keep)(energy)
        for name, scores in {"distance": far, "energy": energy, "either": np.maximum(far, energy)}.items():
            found[name].append(float(roc_auc_score(strange, scores)))
    return {name: float(np.mean(values)) for name, values in found.items()}
