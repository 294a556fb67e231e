"""May a mirrored or turned image belong to another class? Decided by the class names, in English and Chinese.

Names tell of digits, letters, sides and signs; they do not tell of, say, X-rays, whose sides matter too. So this is a
default that a choice by name overrules, and the sentence says so. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMBER_WORDS = _set("zero one two three four five six seven eight nine ten eleven twelve")
CHINESE_NUMERALS = frozenset("零〇一二两三四五六七八九十百壹贰叁肆伍陆柒捌玖拾")
CARRIERS = _set(
    "digit digits number num no letter letters char character sign symbol lower upper capital"
) | {"数字", "数", "字母", "字符", "字", "号", "手势", "大写", "小写"}
"""Words that may stand beside a digit or a letter: ``digit-3``, ``letter_b``, ``数字 5``."""

WRITING = _set("digit digits letter letters alphabet glyph glyphs handwriting handwritten text")
CHINESE_WRITING = ("字母", "数字", "字符", "文字", "手写", "汉字")
SIDES = _set("left right leftward rightward clockwise counterclockwise anticlockwise up down upward downward")
CHINESE_SIDES = ("左", "右", "顺时针", "逆时针", "向上", "向下", "朝上", "朝下")
SIGNS = _set("sign signs roadsign signpost arrow arrows stop yield uturn turn speedlimit noentry oneway")
CHINESE_SIGNS = (
    *(
        "标志",
        "标识",
        "路标",
        "指示牌",
        "箭头",
        "限速",
        "禁止",
        "禁行",
        "让行",
        "停车",
        "掉头",
        "转弯",
        "单行",
    ),
)
PAIRS = (
    ("6", "9", "turned"),
    ("six", "nine", "turned"),
    ("六", "九", "turned"),
    ("b", "d", "mirrored"),
    ("p", "q", "mirrored"),
    ("n", "u", "turned"),
    ("m", "w", "turned"),
    ("left", "right", "mirrored"),
    ("左", "右", "mirrored"),
    ("up", "down", "turned"),
)
"""Classes that look like each other when one is turned or mirrored, named where both are there."""

SHOWN = 3


@dataclass(frozen=True)
class Caution:
    """Class names of one kind, and ``why`` that forbids mirroring and turning, as half a sentence."""

    kind: str
    names: tuple[str, ...]
    why: str


def caution(class_names: Sequence[str]) -> Caution | None:
    """Return why images of these classes should stay as they lie, or None where no name forbids to turn them.

    Two names that are digits (0 to 99, unless other names are longer numbers: then they are mere ids), number words
    or single letters forbid it, and so does one that tells of writing, of a side or of a sign.
    """
    for kind, least, holds in KINDS:
        names = tuple(name for name in class_names if holds(name))
        if len(names) >= least and not (kind == "digits" and any(map(_is_long_number, class_names))):
            return Caution(kind, names, _why(kind, names, class_names))
    return None


def words(name: str) -> list[str]:
    """Return the words of a class name, folded: full-width forms, case and separators make no difference."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    spaced = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", folded)
    return re.findall(r"[^\W_]+", spaced)


def _core(name: str) -> str:
    """Return the one word that is left beside words that carry it, or an empty text."""
    kept = [word for word in words(name) if word not in CARRIERS]
    return kept[0] if len(kept) == 1 else ""


def _is_digit(name: str) -> bool:
    return re.fullmatch(r"[0-9]{1,2}", _core(name)) is not None


def _is_long_number(name: str) -> bool:
    return re.fullmatch(r"[0-9]{3,}", _core(name)) is not None


def _is_number_word(name: str) -> bool:
    core = _core(name)
    return core in NUMBER_WORDS or (core != "" and set(core) <= CHINESE_NUMERALS)


def _is_letter(name: str) -> bool:
    core = _core(name)
    return len(core) == 1 and core.isalpha() and unicodedata.category(core) != "Lo"


def _tells(known: frozenset[str], chinese: Sequence[str]) -> Callable[[str], bool]:
    return lambda name: not known.isdisjoint(words(name)) or any(part in name for part in chinese)


KINDS: tuple[tuple[str, int, Callable[[str], bool]], ...] = (
    ("digits", 2, _is_digit),
    ("numbers", 2, _is_number_word),
    ("letters", 2, _is_letter),
    ("sides", 1, _tells(SIDES, CHINESE_SIDES)),
    ("signs", 1, _tells(SIGNS, CHINESE_SIGNS)),
    ("writing", 1, _tells(WRITING, CHINESE_WRITING)),
)
"""Each kind, how many classes of it forbid turning, and how a name of it is told; the first that holds is named."""

_TELLS = {
    "digits": "are digits",
    "numbers": "are numbers",
    "letters": "are letters",
    "sides": "tell sides apart",
    "signs": "are signs",
    "writing": "are writing",
}


def _why(kind: str, names: tuple[str, ...], class_names: Sequence[str]) -> str:
    quoted = ", ".join(f"'{name}'" for name in names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    tells = (
        _TELLS[kind]
        if len(names) > 1
        else _TELLS[kind].replace("are", "tells of", 1).replace("tell ", "tells ")
    )
    subject = "the class names" if len(names) > 1 else "the class name"
    pair = _pair(class_names)
    return f"{subject} {quoted} {tells}{f' ({pair})' if pair else ''}"


def _pair(class_names: Sequence[str]) -> str:
    """Return a pair of classes that look alike when one is turned, as ``a turned '6' is a '9'``."""
    by_word = {word: name for name in reversed(class_names) for word in (_core(name), *words(name)) if word}
    by_word |= {part: name for name in class_names for part in ("左", "右") if part in name}
    for one, other, how in PAIRS:
        named = [by_word.get(word, "") for word in (one, other)]
        # A capital B mirrored is no D: single letters must stand there as they are.
        if all(
            name and (len(word) > 1 or word in name) for word, name in zip((one, other), named, strict=True)
        ):
            return f"{how}, '{named[0]}' looks like '{named[1]}'"
    return ""
