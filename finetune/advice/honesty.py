"""When advice would mislead: leaking splits, classes too small to judge, labels that nothing can tell. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from finetune.advice.language import Language, percent
from finetune.advice.measured import Measures
from finetune.data.health.findings import amount
from finetune.data.labelled import LabelledImage
from finetune.errors import DataError

MOST_LEAKED = 0.05
"""Share of the images judged by whose near-duplicate may be among those learnt from."""
LEAST_PER_CLASS = 3
TOLD_FROM_GUESSING = 2.0
"""Standard errors by which some probe must beat the commonest class: about 97.5 % sure."""


def refuse_untrustworthy(
    train: Sequence[LabelledImage], judged: Sequence[LabelledImage], alike: Iterable[Sequence[str]]
) -> None:
    """Raise DataError where what is measured on these images could not be believed.

    ``alike`` are groups of names of images that show the same picture. Refused are sets of which more than
    `MOST_LEAKED` of the ``judged`` images lie in a group with one of ``train``, and classes of fewer than
    `LEAST_PER_CLASS` training images.
    """
    counts = Counter(image.label for image in train)
    smallest = min(sorted(counts), key=counts.__getitem__)
    if counts[smallest] < LEAST_PER_CLASS:
        raise DataError(_too_few(smallest, counts))
    leaked = leaked_share(train, judged, alike)
    if leaked > MOST_LEAKED:
        raise DataError(
            f"{percent(leaked, 'en')} of the images to judge by are near-duplicates of training images, so no "
            "accuracy here could be believed; run `finetune inspect` and `finetune clean`, or name a "
            "--strategy"
        )


def _too_few(smallest: str, counts: Mapping[str, int]) -> str:
    few = sum(count < LEAST_PER_CLASS for count in counts.values())
    who = f"class '{smallest}' has {amount(counts[smallest], 'training image')}"
    if few == 1:
        return (
            f"{who}, too few to advise on; add images until it has {LEAST_PER_CLASS}, leave it out with --exclude, "
            "or name a --strategy"
        )
    others = f"{few - 1:,} more {'class has' if few == 2 else 'classes have'} fewer than {LEAST_PER_CLASS}"
    return (
        f"{who} and {others}, too few to advise on; add images until each has {LEAST_PER_CLASS}, leave them out "
        "with --exclude, or name a --strategy"
    )


def leaked_share(
    train: Sequence[LabelledImage], judged: Sequence[LabelledImage], alike: Iterable[Sequence[str]]
) -> float:
    """Return the share of ``judged``, in [0, 1], that a group of ``alike`` holds together with one of ``train``."""
    learnt = {image.name for image in train}
    wanted = {image.name for image in judged}
    leaked = {
        name for group in alike if any(name in learnt for name in group) for name in group if name in wanted
    }
    return len(leaked) / len(wanted) if wanted else 0.0


def can_learn(measures: Measures) -> bool:
    """Whether any probe on pretrained features tells the classes better than always naming the commonest.

    The best of the probes and of the nearest neighbours must lie `TOLD_FROM_GUESSING` standard errors of a share
    counted on these images, sqrt(m (1 - m) / n), above the commonest class's share m.
    """
    chance = measures.majority
    found = max(measures.last_layer, measures.gain.accuracy_pretrained, measures.neighbours)
    error = math.sqrt(max(chance * (1 - chance), 1e-9) / measures.n_images)
    return found > chance + TOLD_FROM_GUESSING * error


def nothing_learnt(measures: Measures, language: Language = "en") -> str:
    """Return the sentence for a set of which `can_learn` is false."""
    found = max(measures.last_layer, measures.gain.accuracy_pretrained, measures.neighbours)
    best, chance, n = (
        percent(found, language),
        percent(measures.majority, language),
        f"{measures.n_images:,}",
    )
    if language == "zh":
        return (
            f"从这些标签学不到任何东西：在 {n} 张图像上，最好的探针只有 {best} 正确，"
            f"而总是猜最常见的类别就有 {chance}。"
            "要么标签与图像无关（用 `finetune suspects` 检查），要么图像太少，要么类别的差别是预训练特征看不见的"
        )
    return (
        f"nothing can be learnt from these labels: on {n} images the best probe gets {best} right, and always naming "
        f"the commonest class {chance}. Either the labels have nothing to do with the images (`finetune suspects` "
        "lists the doubtful ones), or there are too few, or the classes differ in what pretrained features do not see"
    )
