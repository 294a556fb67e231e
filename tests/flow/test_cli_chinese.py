"""Advice in Chinese is Chinese to its last line: nothing but names, numbers, units and commands is English."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Finetune, coloured, draw_colours
from outlooks import best_is

from finetune.advice.forecast import ForecastTable
from ui.chinese import SENTENCES, in_chinese

WithTable = Callable[[ForecastTable], None]
COMMANDS = re.compile(
    r"`[^`]*`|'[^']*'|finetune (fit|advise|backbones) [^，。；）]*|--\w[\w-]*( \w+)?"
    r"|[A-Za-z0-9_.~-]*/[A-Za-z0-9_./~-]*"
)
NAMES = re.compile(
    r"freeze-all|multi-stage|partial|full-finetune|from-scratch|ImageNet|train, val|train|val|test"
)
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,]+[A-Za-z]{2,})+")
"""Two words after each other."""


def english_in(text: str) -> list[str]:
    """The lines that hold English words in a row, without commands and names."""
    plain = [NAMES.sub("", COMMANDS.sub("", line)) for line in text.splitlines()]
    return [line for line in plain if ENGLISH.search(line)]


def shuffled(root: Path) -> Path:
    """Labels that have nothing to do with the images: every warning there is."""
    labels = np.repeat(list("abc"), 12)
    np.random.default_rng(2).shuffle(labels)
    for number, label in enumerate(labels):
        (root / str(label)).mkdir(parents=True, exist_ok=True)
        coloured(number % 3, number).save(root / str(label) / f"{number}.png")
    return root


@pytest.mark.parametrize("name", ["multi-stage", "full-finetune"])
@pytest.mark.parametrize("kind", ["easy", "hopeless"])
def test_no_line_of_an_advice_in_chinese_is_english(
    finetune: Finetune, tiny: tuple[str, ...], with_table: WithTable, tmp_path: Path, name: str, kind: str
) -> None:
    with_table(best_is(name))
    easy = kind == "easy"
    data = draw_colours(tmp_path / "data", {"a": 8, "b": 8}) if easy else shuffled(tmp_path / "data")
    assert english_in(finetune("advise", data, *tiny[:6]).out), "this test sees English"
    chinese = finetune("advise", data, *tiny[:6], "--language", "zh")
    assert chinese.code == 0
    assert english_in(chinese.out) == []
    assert english_in(chinese.err) == []
    for word in ("相似（增益 ≥ 0.5）", "不同（增益 < 0.5）", "小（< 5,000）", "相似度只在", "取自缓存："):
        assert word in chinese.out
    assert ("从这些标签学不到任何东西" in chinese.out) == (not easy)
    assert "划分：未给出" in chinese.err


def test_what_fit_says_of_the_advice_is_chinese_too(
    finetune: Finetune, tiny: tuple[str, ...], with_table: WithTable, tmp_path: Path
) -> None:
    with_table(best_is("freeze-all"))
    data = draw_colours(tmp_path / "data", {"a": 8, "b": 8})
    answer = finetune("fit", data, *tiny, "--language", "zh", "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    said = [line for line in answer.err.splitlines() if line.startswith(("策略 freeze-all：", "警告："))]
    assert [line[:2] for line in said].count("策略") == 1
    assert any(line.startswith("警告：相似度只在") for line in said)
    assert english_in("\n".join(said)) == []
    assert "或与其次的策略比较：finetune fit " in answer.out
    assert "strategy freeze-all: " not in answer.err
    quiet = finetune("fit", data, *tiny, "--language", "zh", "--quiet", "--out", tmp_path / "other")
    assert "警告：" in quiet.err


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (
            "splits: train/ is train (24), val/ is val (6)",
            "划分：train/ 作 train（24 张）, val/ 作 val（6 张）",
        ),
        ("race: partial for 2 of 9 epochs", "试跑：partial，训练 9 轮中的 2 轮"),
        (
            "precision bf16: a step is 1.8 times as fast as in fp32 here",
            "精度 bf16：每一步的速度是 fp32 的 1.8 倍",
        ),
        ("wrote /tmp/a b.svg", "已写入 /tmp/a b.svg"),
        ("something else", "something else"),
    ],
)
def test_what_is_said_on_the_way_has_its_chinese(english: str, chinese: str) -> None:
    assert in_chinese(english) == chinese


def test_every_sentence_has_its_own_chinese() -> None:
    assert len({chinese for _, chinese in SENTENCES}) == len(SENTENCES)
    assert all(re.search(r"[\u4e00-\u9fff]", chinese) for _, chinese in SENTENCES)
