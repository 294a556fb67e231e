"""The advice as one paragraph: what was measured, which rule fired, what overruled it, what would change it. Pure.

Each sentence is a function of the facts with an English and a Chinese form side by side, so that neither can be
forgotten when the other changes.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from finetune.advice.contenders import CONTENDERS
from finetune.advice.honesty import can_learn, nothing_learnt
from finetune.advice.language import Language, duration, hundredths, percent, points
from finetune.advice.outlook import Change, Outlook, features_are_useless
from finetune.advice.rules import LARGE_FROM_IMAGES, SIMILAR_FROM_GAIN, USELESS_BELOW_GAIN, Rule
from finetune.data.augmentation.labels import caution

if TYPE_CHECKING:
    from finetune.advice.advise import DatasetProfile

NEARLY = 0.005
"""Accuracies that differ by less are called the same."""


def paragraph(
    profile: DatasetProfile,
    rule: Rule,
    outlook: Outlook,
    *,
    where: str,
    backbone: str,
    class_names: Sequence[str] = (),
    language: Language = "en",
) -> str:
    """Return the whole advice; ``where`` and ``backbone`` appear in the commands that it names."""
    measures = outlook.measures
    sentences = [
        _counted(profile, language),
        _probed(profile, outlook, language),
        *([] if can_learn(measures) else [_sentence(nothing_learnt(measures, language), language)]),
        _square(rule, language),
        *_raced(outlook, language),
        _expected(outlook, language),
        _so(rule, outlook, language),
        _second(outlook, language),
        *_unsure(outlook, where, language),
        *_changes(outlook, language),
        *_ways_out(rule, outlook, where, backbone, language),
        *_care(class_names, language),
    ]
    return ("" if language == "zh" else " ").join(sentences)


def _counted(profile: DatasetProfile, language: Language) -> str:
    n, per_class = f"{profile.n_train:,}", f"{profile.per_class:.0f}"
    if language == "zh":
        return (
            f"共 {n} 张训练图像、{profile.n_classes} 个类别（平均每类约 {per_class} 张，"
            f"最少的 '{profile.smallest_class}' 有 {profile.smallest_count} 张）。"
        )
    return (
        f"{n} training images in {profile.n_classes} classes (about {per_class} a class, fewest "
        f"{profile.smallest_count} in '{profile.smallest_class}')."
    )


def _probed(profile: DatasetProfile, outlook: Outlook, language: Language) -> str:
    measures, gain = outlook.measures, profile.gain
    stages, last, random = (
        percent(share, language)
        for share in (gain.accuracy_pretrained, measures.last_layer, gain.accuracy_random)
    )
    neighbours = percent(measures.neighbours, language)
    if language == "zh":
        return (
            f"取其中 {gain.n_images} 张测量：线性探针用全部阶段的 ImageNet 特征答对 {stages}，只用最后一层 {last}，"
            f"最近邻 {neighbours}，用随机权重的特征 {random}：迁移增益 {hundredths(gain.value)}。"
        )
    return (
        f"On {gain.n_images} of them a linear probe gets {stages} right with ImageNet features of all stages, {last} "
        f"with those of the last layer, their nearest neighbours {neighbours}, and random features {random}: "
        f"transfer gain {hundredths(gain.value)}."
    )


def _square(rule: Rule, language: Language) -> str:
    is_small = rule.size == "small"
    if language == "zh":
        size = (
            f"{'少于' if is_small else '不少于'} {LARGE_FROM_IMAGES:,} 张算{'小' if is_small else '大'}数据集"
        )
        like = {
            "similar": f"增益不低于 {SIMILAR_FROM_GAIN} 算与 ImageNet 相似",
            "different": f"增益低于 {SIMILAR_FROM_GAIN} 算与 ImageNet 不同",
            "useless": f"增益低于 {USELESS_BELOW_GAIN} 说明 ImageNet 特征没有用处",
        }[rule.similarity]
        return f"按“规模×相似度”方格：{size}，{like}，规则给出 {rule.strategy}。"
    size = f"{'under' if is_small else 'at least'} {LARGE_FROM_IMAGES:,} images is {rule.size}"
    like = {
        "similar": f"a gain of {SIMILAR_FROM_GAIN} or more is similar to ImageNet",
        "different": f"a gain below {SIMILAR_FROM_GAIN} is different from ImageNet",
        "useless": f"a gain below {USELESS_BELOW_GAIN} means that ImageNet features are of no use",
    }[rule.similarity]
    return f"In the square of size and similarity, {size} and {like}: its rule says {rule.strategy}."


def _expected(outlook: Outlook, language: Language) -> str:
    rows = [_forecast(name, outlook, language) for name in (outlook.decision.strategy, outlook.runner_up)]
    n, own, learnable = f"{outlook.n_trainings:,}", outlook.n_own, can_learn(outlook.measures)
    if language == "zh":
        yours = f"，其中 {own:,} 次是你自己的" if own else ""
        holds = "预计" if learnable else "那些数据的标签都有意义；只有这里的标签也有意义时，才可预计"
        return f"根据在其他数据集上的 {n} 次训练{yours}，{holds} {rows[0]}，{rows[1]}。"
    yours = f", {own:,} of them your own" if own else ""
    holds = (
        "this is to be expected" if learnable else "whose labels told something, and only if these do, too"
    )
    return f"From {n} trainings on other data{yours}, {holds}: {rows[0]}; {rows[1]}."


def _forecast(name: str, outlook: Outlook, language: Language) -> str:
    found, cost = outlook.forecasts[name], outlook.costs[name]
    expected = percent(found.accuracy, language)
    low, high, time = 100 * found.low, 100 * found.high, duration(cost.seconds, language)
    if language == "zh":
        return f"{CONTENDERS[name].named(language)} {expected}（80% 区间 {low:.1f}–{high:.1f}，约 {time}）"
    return (
        f"{CONTENDERS[name].named(language)} {expected} (80 % interval {low:.1f} – {high:.1f}, about {time})"
    )


def _so(rule: Rule, outlook: Outlook, language: Language) -> str:
    chosen = outlook.decision.strategy
    strategy, title = CONTENDERS[chosen].strategy, CONTENDERS[chosen].named(language)
    because = _because(outlook, language)
    if strategy == rule.strategy:
        return f"所以选择 {title}：{because}。" if language == "zh" else f"So {title}: {because}."
    if language == "zh":
        return f"所以选择 {title}，而不是规则的 {rule.strategy}：{because}，证据推翻了规则。"
    return f"So {title}: {because}, which overrules the rule's {rule.strategy}."


def _because(outlook: Outlook, language: Language) -> str:
    chosen = outlook.decision.strategy
    best = max(outlook.forecasts, key=lambda name: outlook.forecasts[name].accuracy)
    mine, theirs = outlook.forecasts[chosen], outlook.forecasts[best]
    within = percent(mine.p_within_one, language)
    if features_are_useless(outlook.measures) and CONTENDERS[best].strategy == "freeze-all":
        return (
            "预训练权重并不比随机权重好，不能整个冻结"
            if language == "zh"
            else "pretrained weights measure as no better than random ones, so that nothing is frozen whole"
        )
    more, other = points(theirs.accuracy - mine.accuracy), CONTENDERS[best].named(language)
    if best not in outlook.allowed:
        return (
            f"{other} 预计多 {more} 个百分点，但所需时间超过预算"
            if language == "zh"
            else f"{other} is expected to bring {more} points, but takes longer than there is time"
        )
    if theirs.accuracy - mine.accuracy < NEARLY:
        return (
            f"没有别的策略预计更准，它与最好的相差不超过一个百分点的概率是 {within}"
            if language == "zh"
            else f"none is expected to be more accurate; with probability {within} it is within a point of the best"
        )
    ratio = outlook.costs[best].seconds / outlook.costs[chosen].seconds
    times = f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:,.0f}"
    if language == "zh":
        return f"{other} 预计只多 {more} 个百分点，却要 {times} 倍的时间"
    return f"{other} is expected to bring {more} points for {times} times the time"


def _second(outlook: Outlook, language: Language) -> str:
    title, lead = CONTENDERS[outlook.runner_up].strategy, f"{outlook.lead:.1f}"
    weight = f"{outlook.time_weight:g}"
    if outlook.runner_up not in outlook.allowed:
        return (
            f"没有其他策略可选，其次本会是 {title}。"
            if language == "zh"
            else f"No other strategy can be had; the runner-up would be {title}."
        )
    if language == "zh":
        return f"其次是 {title}，落后 {lead} 分（时间每加倍扣 {weight} 分）。"
    return f"The runner-up is {title}, {lead} points behind (a doubling of the time counts {weight} points)."


def _raced(outlook: Outlook, language: Language) -> list[str]:
    """Return what a race has seen, nothing where none was run."""
    if not outlook.rungs:
        return []
    seen = [
        f"{rung.contender} {percent(rung.best, language)} ({rung.epochs_done}/{rung.epochs})"
        for rung in outlook.rungs
    ]
    n_val = f"{outlook.rungs[0].n_val:,}"
    if language == "zh":
        return [f"试跑后在 {n_val} 张验证图像上（轮数）：{'，'.join(seen)}；预测已按此修正。"]
    return [
        f"A race saw, on {n_val} images of val (epochs): {', '.join(seen)}; forecasts are corrected by it."
    ]


def _unsure(outlook: Outlook, where: str, language: Language) -> list[str]:
    if outlook.decision.is_sure:
        return []
    if outlook.rungs:
        return [
            "预测仍不足以区分它们；选择更省时的一个没有风险。"
            if language == "zh"
            else "Even so they cannot be told apart within a point; the faster one risks little."
        ]
    command = f"finetune advise {shlex.quote(where)} --race 10"
    if language == "zh":
        return [f"预测还不足以区分它们：`{command}` 用十分钟各训练一段，再作选择。"]
    return [f"Forecasts cannot tell these apart within a point: `{command}` trains each a little to tell."]


def _changes(outlook: Outlook, language: Language) -> list[str]:
    return [_change(change, language) for change in outlook.changes]


def _change(change: Change, language: Language) -> str:
    title = CONTENDERS[change.contender].named(language)
    if change.times is None:
        return (
            f"若只看准确率，则应选 {title}。"
            if language == "zh"
            else f"If accuracy alone counted, it would be {title}."
        )
    if language == "zh":
        return f"图像有 {change.times} 倍时，则应选 {title}。"
    return f"With {change.times} times the images it would be {title}."


def _ways_out(rule: Rule, outlook: Outlook, where: str, backbone: str, language: Language) -> list[str]:
    """Small and different has more answers than a strategy."""
    if rule.size != "small" or rule.similarity == "similar":
        return []
    place = shlex.quote(where)
    rank = f"finetune backbones --rank {place}"
    grow = f"finetune fit {place} --strategy {rule.strategy} --augment medium"
    found = {
        "en": f"Other ways: try another backbone than {backbone} (`{rank}` says which suits)",
        "zh": f"其他办法：换一个骨干网络（`{rank}` 会说哪个更合适，现在是 {backbone}）",
    }[language]
    rest = [part.sentence(language) for part in (outlook.more, outlook.augmentation) if part is not None]
    augment = {"en": f"augment the data (`{grow}`)", "zh": f"数据增强（`{grow}`）"}[language]
    line = [] if outlook.line is None else [outlook.line.sentence(language)]
    return [_sentence(("；" if language == "zh" else "; ").join([found, augment, *rest, *line]), language)]


def _care(class_names: Sequence[str], language: Language) -> list[str]:
    found = caution(class_names)
    if found is None:
        return []
    if language == "zh":
        return ["镜像或旋转后的图像在这里可能属于另一类：除非按名称指定，数据增强不翻转也不旋转。"]
    return [
        f"Mirrored or turned images could belong to another class here, since {found.why}: no augmentation policy "
        "flips or rotates them unless that is chosen by name (--hflip, --vflip, --rotation)."
    ]


def _sentence(text: str, language: Language) -> str:
    return f"{text}。" if language == "zh" else f"{text[0].upper()}{text[1:]}."
