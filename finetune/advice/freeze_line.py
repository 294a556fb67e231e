"""Where `partial` should put its freeze line, told from how well each stage's features alone tell the classes. Pure.

A linear probe on each stage (Alain and Bengio, *Understanding intermediate layers using linear classifier probes*,
2016) rises towards the last stage where the images are like ImageNet's, and falls again above some stage where they
are not: from there on the features have become ImageNet's own (Yosinski et al., *How transferable are features in
deep neural networks?*, NeurIPS 2014; Evci et al., *Head2Toe*, ICML 2022). So the stage of the peak is the last one
to keep, and what lies above it is trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from finetune.advice.language import Language, percent

if TYPE_CHECKING:
    from finetune.model.layers import Grouping

Profile = Sequence[tuple[str, float]]
"""The name of each layer group below the head, in the network's order, and its probe's accuracy in [0, 1]."""


@dataclass(frozen=True)
class FreezeLine:
    """``stages`` is the option of `partial`: that many stages train, with all that lies above them.

    ``frozen`` and ``trained`` name the layer groups, ``trained_share`` is the share of parameters that train.
    ``best``, ``kept`` and ``last`` are a group and its probe's accuracy each: the highest, the one that the rule
    keeps, and the last below the head.
    """

    stages: int
    frozen: tuple[str, ...]
    trained: tuple[str, ...]
    trained_share: float
    best: tuple[str, float]
    kept: tuple[str, float]
    last: tuple[str, float]

    @property
    def at_the_end(self) -> bool:
        """Whether no earlier features do better than the last."""
        return self.kept == self.last

    def sentence(self, language: Language = "en") -> str:
        """Return the suggestion with its numbers and the option that takes it."""
        return _in_chinese(self) if language == "zh" else _in_english(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything under the names of the fields."""
        return asdict(self)


def freeze_line(profile: Profile, grouping: Grouping, *, n_images: int) -> FreezeLine:
    """Suggest which groups of ``grouping`` stay frozen, from a profile measured on ``n_images``.

    Kept is the last group whose probe comes within one standard error of the best: the rule of the simplest model
    that is as good as the best (Breiman et al., *Classification and regression trees*, 1984), where fewer trained
    layers are simpler. The standard error is that of the best accuracy counted on ``n_images``, sqrt(p (1 - p) / n)
    with Laplace's p. `partial` trains the stages above what is kept, but at least one.

    Raises ValueError where the profile's names are not the groups', or there is no stage to train.
    """
    groups = grouping.groups
    names = [group.name for group in groups[:-1]]
    stages = [place for place, group in enumerate(groups) if group.role == "stage"]
    if [name for name, _ in profile] != names or not stages:
        raise ValueError(f"a profile of {[name for name, _ in profile]} does not fit the groups {names}")
    best = max(profile, key=lambda row: row[1])
    enough = best[1] - standard_error(best[1], n_images)
    kept = max(place for place, (_, accuracy) in enumerate(profile) if accuracy >= enough)
    count = max(1, sum(place > kept for place in stages))
    first = stages[-count]
    total = sum(group.n_parameters for group in groups)
    return FreezeLine(
        stages=count,
        frozen=tuple(names[:first]),
        trained=tuple(group.name for group in groups[first:]),
        trained_share=sum(group.n_parameters for group in groups[first:]) / total,
        best=best,
        kept=profile[kept],
        last=profile[-1],
    )


def standard_error(accuracy: float, n_images: int) -> float:
    """Return sqrt(p (1 - p) / n), with Laplace's p = (right + 1) / (n + 2): never 0, however good the accuracy."""
    smoothed = (accuracy * n_images + 1) / (n_images + 2)
    return math.sqrt(smoothed * (1 - smoothed) / n_images)


def _in_english(line: FreezeLine) -> str:
    option = f"--set stages={line.stages}, {percent(line.trained_share, 'en')} of the parameters"
    if line.at_the_end:
        return (
            f"no earlier stage's features do better than those of {_scored(line.last, 'en')}: train no more than the "
            f"last stage ({option})"
        )
    also = "" if line.best == line.kept else f", as good as {_scored(line.best, 'en')},"
    train = "the last stage" if line.stages == 1 else f"the last {line.stages} stages"
    keep = f"keep the layers up to {line.frozen[-1]} frozen and " if line.frozen else ""
    return (
        f"the stage probes are best at {_scored(line.kept, 'en')}{also} and fall to "
        f"{percent(line.last[1], 'en')} at {line.last[0]}: {keep}train {train} ({option})"
    )


def _in_chinese(line: FreezeLine) -> str:
    option = f"--set stages={line.stages}，占参数的 {percent(line.trained_share, 'zh')}"
    if line.at_the_end:
        return f"没有更早的阶段优于 {_scored(line.last, 'zh')}：只需训练最后一个阶段（{option}）"
    also = "" if line.best == line.kept else f"（与 {_scored(line.best, 'zh')}无法区分）"
    keep = f"冻结 {line.frozen[-1]} 及以下各层，" if line.frozen else ""
    return (
        f"各阶段探针在 {_scored(line.kept, 'zh')}处最高{also}，到 {line.last[0]} 降为 "
        f"{percent(line.last[1], 'zh')}：{keep}训练最后 {line.stages} 个阶段（{option}）"
    )


def _scored(row: tuple[str, float], language: Language) -> str:
    name, accuracy = row
    share = percent(accuracy, language)
    return f"{name} ({share})" if language == "en" else f"{name}（{share}）"
