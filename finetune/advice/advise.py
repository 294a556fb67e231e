"""Turn a data set's measured profile into advice: the strategy, the runner-up, and the reason with numbers."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetune.advice.contenders import CONTENDERS
from finetune.advice.explain import paragraph
from finetune.advice.honesty import can_learn, nothing_learnt
from finetune.advice.language import LANGUAGES, Language, hundredths
from finetune.advice.outlook import Outlook, features_are_useless
from finetune.advice.rules import (
    LARGE_FROM_IMAGES,
    SIMILAR_FROM_GAIN,
    USELESS_BELOW_GAIN,
    Rule,
    find_rule,
    size_of,
)
from finetune.advice.similarity import MOST_CLASSES, TransferGain
from finetune.data.augmentation.labels import caution
from finetune.data.sources import LabelledImage

# A threshold this near (in transfer gain, or as a share of the images) makes the choice a close one.
NEAR_GAIN = 0.05
NEAR_SIZE = 0.2
ENOUGH_MEASURED = 100


@dataclass(frozen=True)
class DatasetProfile:
    """What the advice rests on: training images, classes, the smallest class, and the transfer gain."""

    n_train: int
    n_classes: int
    smallest_class: str
    smallest_count: int
    gain: TransferGain

    @property
    def per_class(self) -> float:
        """Return the mean number of training images a class."""
        return self.n_train / self.n_classes


@dataclass(frozen=True)
class Advice:
    """The square's rule, the reason of the choice in a paragraph, and what to keep in mind.

    ``outlook`` holds the forecasts that decided; without them the rule does. ``reason_zh`` and ``warnings_zh`` are
    the reason and the warnings in Chinese.
    """

    profile: DatasetProfile
    rule: Rule
    reason: str
    warnings: tuple[str, ...]
    outlook: Outlook | None = None
    reason_zh: str = ""
    warnings_zh: tuple[str, ...] = ()

    def said(self, language: Language) -> tuple[str, tuple[str, ...]]:
        """Return the reason and the warnings in ``language``; in English where the rule alone decided."""
        if language == "zh" and self.reason_zh:
            return self.reason_zh, self.warnings_zh
        return self.reason, self.warnings

    @property
    def contender(self) -> str:
        """Return the name of what is advised among `contenders.CONTENDERS`."""
        return self.rule.strategy if self.outlook is None else self.outlook.decision.strategy

    @property
    def strategy(self) -> str:
        """Return the advised strategy's name."""
        return CONTENDERS[self.contender].strategy

    @property
    def options(self) -> Mapping[str, str]:
        """Return the recipe's options that belong to the advice."""
        return CONTENDERS[self.contender].options

    @property
    def runner_up(self) -> str:
        """Return the strategy that comes second."""
        return self.rule.runner_up if self.outlook is None else CONTENDERS[self.outlook.runner_up].strategy

    def to_json(self) -> dict[str, Any]:
        """Return the advice under the keys of `finetune advise --json`."""
        profile = self.profile
        return {
            "strategy": self.strategy,
            "runner_up": self.runner_up,
            "cell": {"size": self.rule.size, "similarity": _column(self.rule)},
            "size": {
                "n": profile.n_train,
                "per_class": round(profile.per_class, 1),
                "smallest": profile.smallest_count,
            },
            "similarity": {
                "name": "transfer_gain",
                "value": round(profile.gain.value, 4),
                "accuracy_pretrained": round(profile.gain.accuracy_pretrained, 4),
                "accuracy_random": round(profile.gain.accuracy_random, 4),
                "n_images": profile.gain.n_images,
            },
            "rule": self.rule.name,
            "reason": self.reason,
            "warnings": list(self.warnings),
            **self._foreseen(),
        }

    def _foreseen(self) -> dict[str, Any]:
        if self.outlook is None:
            return {}
        rule = {
            "options": dict(self.options),
            "rule_strategy": self.rule.strategy,
            "reason_zh": self.reason_zh,
            "warnings_zh": list(self.warnings_zh),
        }
        return rule | {"can_learn": can_learn(self.outlook.measures)} | self.outlook.to_json()


def _column(rule: Rule) -> str:
    """The square has two columns; a useless similarity lies in the different one."""
    return "similar" if rule.similarity == "similar" else "different"


def make_profile(images: Sequence[LabelledImage], gain: TransferGain) -> DatasetProfile:
    """Count the training ``images``; at least one."""
    counts = Counter(image.label for image in images)
    smallest = min(sorted(counts), key=counts.__getitem__)
    return DatasetProfile(len(images), len(counts), smallest, counts[smallest], gain)


def advise(
    profile: DatasetProfile,
    *,
    where: str,
    backbone: str,
    class_names: Sequence[str] = (),
    outlook: Outlook | None = None,
) -> Advice:
    """Choose by ``outlook``, or by the rules without one; ``where`` and ``backbone`` appear in commands of the text.

    The reason also tells where ``class_names`` forbid to mirror or turn the images.
    """
    rule = find_rule(profile.n_train, profile.gain.value)
    if outlook is not None:
        facts: dict[str, Any] = {"where": where, "backbone": backbone, "class_names": class_names}
        reason, chinese = (
            paragraph(profile, rule, outlook, **facts, language=language) for language in LANGUAGES
        )
        warnings, warnings_zh = (tuple(_cautions(profile, outlook, language)) for language in LANGUAGES)
        return Advice(profile, rule, reason, warnings, outlook, chinese, warnings_zh)
    reason = " ".join(
        [_measured(profile), _chosen(rule), *_ways_out(rule, where, backbone), *_care(class_names)]
    )
    return Advice(profile, rule, reason, (*_close_calls(profile), *_few_measured(profile)))


def _measured(profile: DatasetProfile) -> str:
    gain = profile.gain
    return (
        f"{profile.n_train} training images in {profile.n_classes} classes "
        f"(about {profile.per_class:.0f} a class, fewest {profile.smallest_count} in '{profile.smallest_class}'). "
        f"On {gain.n_images} of them a linear probe gets {100 * gain.accuracy_pretrained:.1f} % right with ImageNet "
        f"features and {100 * gain.accuracy_random:.1f} % with random ones: transfer gain {hundredths(gain.value)}."
    )


def _chosen(rule: Rule) -> str:
    size = f"{'under' if rule.size == 'small' else 'at least'} {LARGE_FROM_IMAGES:,} images is {rule.size}"
    similarity = {
        "similar": f"a gain of {SIMILAR_FROM_GAIN} or more is similar to ImageNet",
        "different": f"a gain below {SIMILAR_FROM_GAIN} is different from ImageNet",
        "useless": f"a gain below {USELESS_BELOW_GAIN} means that ImageNet features are of no use",
    }[rule.similarity]
    return (
        f"{size[0].upper()}{size[1:]}, {similarity}. So {rule.strategy}: {rule.why}. "
        f"The runner-up is {rule.runner_up}."
    )


def _ways_out(rule: Rule, where: str, backbone: str) -> list[str]:
    """Small and different has two more answers than a strategy."""
    if rule.size != "small" or rule.similarity == "similar":
        return []
    where = shlex.quote(where)
    return [
        f"Two other ways: try another backbone than {backbone} (finetune backbones --rank {where} says which suits),",
        f"or add or augment data (finetune fit {where} --strategy {rule.strategy} --augment medium, "
        "as `finetune augment` explains).",
    ]


def _care(class_names: Sequence[str]) -> list[str]:
    found = caution(class_names)
    if found is None:
        return []
    return [
        f"Mirrored or turned images could belong to another class here, since {found.why}: no augmentation policy "
        "flips or rotates them unless that is chosen by name (--hflip, --vflip, --rotation)."
    ]


def _deciding(profile: DatasetProfile) -> tuple[float, ...]:
    """Return the thresholds beyond which another strategy is advised; of few images, uselessness changes nothing."""
    return (
        (SIMILAR_FROM_GAIN, USELESS_BELOW_GAIN)
        if size_of(profile.n_train) == "large"
        else (SIMILAR_FROM_GAIN,)
    )


def _close_calls(profile: DatasetProfile) -> list[str]:
    gain = profile.gain.value
    warnings = [
        f"the transfer gain {gain:.2f} lies near the threshold {threshold}: try the runner-up too"
        for threshold in _deciding(profile)
        if abs(gain - threshold) < NEAR_GAIN
    ]
    if abs(profile.n_train - LARGE_FROM_IMAGES) < NEAR_SIZE * LARGE_FROM_IMAGES:
        warnings.append(
            f"{profile.n_train} images is near the threshold {LARGE_FROM_IMAGES}: try the runner-up too"
        )
    return warnings


def _few_measured(profile: DatasetProfile, language: Language = "en") -> list[str]:
    if profile.gain.n_images >= ENOUGH_MEASURED:
        return []
    if language == "zh":
        return [f"相似度只在 {profile.gain.n_images} 张图像上测得，并不可靠"]
    return [f"similarity was measured on only {profile.gain.n_images} images and is uncertain"]


def _few_classes(profile: DatasetProfile, language: Language) -> list[str]:
    """Return that fewer classes than there are were told apart, which is easier than all of them."""
    if profile.n_classes <= MOST_CLASSES:
        return []
    n = f"{profile.n_classes:,}"
    if language == "zh":
        return [f"{n} 个类别中只测量了 {MOST_CLASSES} 个，区分全部类别更难，准确率会低于预计"]
    return [
        f"only {MOST_CLASSES} of the {n} classes were measured, and all of them are harder to tell apart: accuracies "
        "will be lower than expected here"
    ]


def _cautions(profile: DatasetProfile, outlook: Outlook, language: Language) -> list[str]:
    """Return what must be known beside the forecasts; whether they are sure is in the reason."""
    found = [] if can_learn(outlook.measures) else [nothing_learnt(outlook.measures, language)]
    if features_are_useless(outlook.measures):
        found.append(_useless(profile.gain, language))
    return found + _few_measured(profile, language) + _few_classes(profile, language)


def _useless(gain: TransferGain, language: Language) -> str:
    if language == "zh":
        return (
            f"迁移增益为 {hundredths(gain.value)}：预训练权重在这里并不比随机权重好；如果这出乎意料，请检查权重，"
            "或用 `finetune backbones --rank` 比较其他骨干网络"
        )
    return (
        f"the transfer gain is {hundredths(gain.value)}: the pretrained weights are worth no more than random ones "
        "here; where that is a surprise, check the weights, or rank others with `finetune backbones --rank`"
    )
