"""What the program says of its work and of its errors, in Chinese; what is not known stays English."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from finetune.words import sentences
from ui import chinese_training as training
from ui.chinese_training import COUNTED

if TYPE_CHECKING:
    from finetune.progress import Advance, Reporter

SENTENCES = (
    (
        r"splits: none given; train, val and test will be cut, each class in the same shares",
        "划分：未给出；将划出 train、val 和 test，各类比例相同",
    ),
    (r"splits: (.*); what is missing will be cut from train", r"划分：\1；缺少的部分从 train 中划出"),
    (r"splits: (.*)", r"划分：\1"),
    (
        r"precision (\w+): a step is (\S+) times as fast as in fp32 here",
        r"精度 \1：每一步的速度是 fp32 的 \2 倍",
    ),
    (r"backbone (\S+): no pretrained weights were asked for", r"骨干网络 \1：未要求预训练权重"),
    (r"backbone (\S+): the packaged weights are for it", r"骨干网络 \1：随包提供的权重属于它"),
    (
        r"backbone (\S+): its ImageNet weights are in the local cache",
        r"骨干网络 \1：本地缓存中有它的 ImageNet 权重",
    ),
    (r"backbone (\S+): weights from the model hub were asked for", r"骨干网络 \1：要求使用模型库的权重"),
    (r"backbone (\S+): the model hub answers", r"骨干网络 \1：模型库可以访问"),
    (
        r"backbone (\S+): offline and (\S+) is not in the local cache; these ImageNet weights are installed",
        r"骨干网络 \1：处于离线状态，本地缓存中没有 \2；已安装这些 ImageNet 权重",
    ),
    (
        r"backbone (\S+): the model hub does not answer and (\S+) is not in the local cache; "
        r"these ImageNet weights are installed",
        r"骨干网络 \1：无法访问模型库，本地缓存中没有 \2；已安装这些 ImageNet 权重",
    ),
    (r"note: a tiny network for trials, not for results", "说明：仅供试验的小网络，结果不可用"),
    (
        r"warning: (\S+) class(?:es have| has) fewer than (\d+) images; expect a rough model and a rough estimate "
        r"of it(.*)",
        r"警告：\1 个类别的图像少于 \2 张，模型和对它的估计都会粗略\3",
    ),
    (r"race: (\S+) for (\d+) of (\d+) epochs", r"试跑：\1，训练 \3 轮中的 \2 轮"),
    (
        r"strategy from-scratch: without pretrained weights there is nothing to keep",
        "策略 from-scratch：没有预训练权重，因此没有可保留的内容",
    ),
    (
        r"strategy from-scratch: (\S+) has no pretrained weights, so there is nothing to keep",
        r"策略 from-scratch：\1 没有预训练权重，因此没有可保留的内容",
    ),
    (r"wrote (.*)", r"已写入 \1"),
    (r"checking images", "检查图像"),
    (r"measuring the images", "测量图像"),
    (r"timing this machine", "为本机计时"),
    (r"trying augmentations", "试验数据增强"),
)
"""What is said, as a pattern, and the same in Chinese; the first that fits holds."""

PLACES = (
    (r"(\S+)/ is (train|val|test) \((\d+)\)", r"\1/ 作 \2（\3 张）"),
    (r"rows of '([^']*)' are (train|val|test) \((\d+)\)", r"'\1' 的行作 \2（\3 张）"),
    (r"its part '([^']*)' is (train|val|test) \((\d+)\)", r"其中的 '\1' 作 \2（\3 张）"),
)
"""How a split was understood, within a sentence of `SENTENCES`."""


MORE = "; see `finetune inspect`"
"""What follows the first examples of a finding where there are more."""
BEGINNINGS = (("warning: ", "警告："), ("note: ", "说明："))

LENGTHS = (
    (r"(\d[\d.]*) seconds?", r"\1 秒"),
    (r"(\d[\d.]*) minutes?", r"\1 分钟"),
    (r"(\d[\d.]*) hours?", r"\1 小时"),
)
"""Lengths of time within a sentence."""


class InChinese:
    """Hands on to ``reporter`` what it is told, in Chinese where that is known."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def say(self, text: str) -> None:
        """Hand on the sentence."""
        self._reporter.say(in_chinese(text))

    def track(self, title: str) -> AbstractContextManager[Advance]:
        """Open the count."""
        return self._reporter.track(in_chinese(title))


def in_chinese(text: str) -> str:
    """Return ``text`` in Chinese, or as it is where it is not known."""
    counted = re.fullmatch(COUNTED, text)
    if counted:
        title, done, total, seconds = counted.groups()
        return f"{in_chinese(title)}：{done} / {total}，{seconds} 秒"
    for pattern, chinese in (*SENTENCES, *training.SENTENCES):
        found = re.fullmatch(pattern, text)
        if found:
            return _told(found, chinese)
    told = sentences().said(text)
    return _after_its_beginning(text) if told == text else told


def _told(found: re.Match[str], chinese: str) -> str:
    """Return ``chinese`` with what was found put in, which may be an error's sentence."""
    told = re.sub(r"\\(\d)", lambda place: sentences().said(found[int(place[1])] or "", inside=True), chinese)
    for place, said in (*PLACES, *LENGTHS):
        told = re.sub(place, said, told)
    return told


def _after_its_beginning(text: str) -> str:
    """Return a warning or a note whose rest is known, and what the health check finds."""
    for english, chinese in BEGINNINGS:
        rest = text.removeprefix(english)
        if rest != text and (told := in_chinese(rest)) != rest:
            return f"{chinese}{told}"
    return _found(text)


def _found(text: str) -> str:
    """Return what the health check says, the first examples after it included."""
    from ui.web.finding_forms import SENTENCES as FINDINGS

    brackets = [place.start() for place in re.finditer(r" \(", text)] if text.endswith(")") else []
    for end in (len(text), *brackets):
        rest = f"（{_examples(text[end + 2 : -1])}）" if end < len(text) else ""
        for pattern, chinese in FINDINGS.items():
            found = re.fullmatch(pattern, text[:end])
            if found:
                return f"{found.expand(chinese)}{rest}"
    return text


def _examples(told: str) -> str:
    names = told.removesuffix(MORE)
    return names if names == told else f"{names}；见 `finetune inspect`"
