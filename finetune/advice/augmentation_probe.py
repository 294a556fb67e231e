"""Is stronger augmentation worth it? Policies compared by what a probe learns from their views. Pure.

The probe learns from a few views of each image, on features that stay frozen, and all policies are judged on the same
images as they are. A network that trains on sees a new view in each epoch and can adapt to them, so that this says
which policy leaves the classes recognisable and teaches something, not how many points a whole training would gain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.advice.language import Language, percent, points
from finetune.data.augmentation.policies import PolicyName

PLAIN: PolicyName = "none"
TRIED: tuple[PolicyName, ...] = ("light", "medium", "strong")
"""The policies that are compared with none, from mild to strong."""

TOLD_APART = 2.0
"""Two policies are told apart where their accuracies differ by more standard errors: about 95 % sure."""


@dataclass(frozen=True)
class PolicyScore:
    """A policy's ``accuracy`` in [0, 1], its ``difference`` to none, and the paired standard error of that."""

    policy: PolicyName
    accuracy: float
    difference: float
    standard_error: float


@dataclass(frozen=True)
class AugmentationProbe:
    """The policies from mild to strong, the first without augmentation, judged on the same ``n_images``.

    ``best`` has the highest accuracy, the milder of equals; ``advised`` is the mildest that is not told apart from
    it. ``keeps_upright``: the policies went without flips and rotations, which the class names forbid.
    """

    n_images: int
    n_views: int
    scores: tuple[PolicyScore, ...]
    best: PolicyName
    advised: PolicyName
    keeps_upright: bool = False

    def of(self, policy: PolicyName) -> PolicyScore:
        """Return the score of ``policy``; raises KeyError for one that was not tried."""
        return {score.policy: score for score in self.scores}[policy]

    def sentence(self, language: Language = "en") -> str:
        """Return the answer with its numbers in words."""
        return _in_chinese(self) if language == "zh" else _in_english(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything under the names of the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> AugmentationProbe:
        """Return what `to_json` gave."""
        return cls(**{**values, "scores": tuple(PolicyScore(**score) for score in values["scores"])})


def compare_policies(
    right: Mapping[PolicyName, NDArray[np.bool_]], *, n_views: int, keeps_upright: bool = False
) -> AugmentationProbe:
    """Return the comparison of policies by ``right``: for each whether it told each of the same n images right.

    The policies come from mild to strong, `PLAIN` first, n >= 2. The advised one is the mildest whose accuracy is not
    more than `TOLD_APART` paired standard errors below the best.
    """
    policies = list(right)
    if policies[:1] != [PLAIN] or len(policies) < 2:
        raise ValueError(f"policies are compared with '{PLAIN}', which comes first, but these are {policies}")
    best = max(policies, key=lambda policy: right[policy].mean())
    advised = next(policy for policy in policies if not _told_apart(right[best], right[policy]))
    scores = tuple(
        PolicyScore(policy, float(each.mean()), *paired_difference(each, right[PLAIN]))
        for policy, each in right.items()
    )
    return AugmentationProbe(len(right[PLAIN]), n_views, scores, best, advised, keeps_upright)


def paired_difference(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[float, float]:
    """Return how much more often ``one`` is right than ``other`` on the same n >= 2 images, and its standard error.

    The mean of the differences, each -1, 0 or 1, and s / sqrt(n): images that both tell alike add nothing to the
    error (the variance behind McNemar's test, Psychometrika 1947).
    """
    differences = one.astype(np.float64) - other
    return float(differences.mean()), float(differences.std(ddof=1) / math.sqrt(len(differences)))


def _told_apart(best: NDArray[np.bool_], milder: NDArray[np.bool_]) -> bool:
    difference, standard_error = paired_difference(best, milder)
    return difference > TOLD_APART * standard_error


def _strongest_rival(probe: AugmentationProbe) -> PolicyScore:
    """Return the best of the policies that augment."""
    return max(probe.scores[1:], key=lambda score: score.accuracy)


def _in_english(probe: AugmentationProbe) -> str:
    plain, advised, rival = probe.scores[0], probe.of(probe.advised), _strongest_rival(probe)
    base = f"the {percent(plain.accuracy, 'en')} without"
    if probe.advised != PLAIN:
        found = f"--augment {probe.advised}: {_gained(advised, 'en')} on {base}"
        if probe.best != probe.advised:
            stronger = _gained(probe.of(probe.best), "en")
            found += f"; the stronger '{probe.best}', {stronger}, cannot be told apart from it"
    elif probe.best == PLAIN:
        found = f"no augmentation does better than {base}: at best '{rival.policy}', {_gained(rival, 'en')}"
    else:
        found = (
            f"no augmentation can be told apart from {base}: at best '{rival.policy}', {_gained(rival, 'en')}"
        )
    upright = ", with no flips or rotations" if probe.keeps_upright else ""
    return f"{found}; a probe on frozen features of {probe.n_views} views each of {probe.n_images} images{upright}"


def _in_chinese(probe: AugmentationProbe) -> str:
    plain, advised, rival = probe.scores[0], probe.of(probe.advised), _strongest_rival(probe)
    base = f"不增强时的 {percent(plain.accuracy, 'zh')}"
    if probe.advised != PLAIN:
        found = f"--augment {probe.advised}：在{base} 上 {_gained(advised, 'zh')}"
        if probe.best != probe.advised:
            found += f"；更强的 '{probe.best}' 为 {_gained(probe.of(probe.best), 'zh')}，与它无法区分"
    elif probe.best == PLAIN:
        found = f"没有一种数据增强优于{base}：最好的是 '{rival.policy}'，{_gained(rival, 'zh')}"
    else:
        found = f"没有一种数据增强能与{base} 区分开：最好的是 '{rival.policy}'，{_gained(rival, 'zh')}"
    upright = "，不含翻转和旋转" if probe.keeps_upright else ""
    return f"{found}；在 {probe.n_images} 张图像各 {probe.n_views} 个视图的冻结特征上用探针测得{upright}"


def _gained(score: PolicyScore, language: Language) -> str:
    difference, error = points(score.difference), 100 * score.standard_error
    if language == "zh":
        return f"{difference} 个百分点（标准误 {error:.1f}）"
    return f"{difference} points (standard error {error:.1f})"
